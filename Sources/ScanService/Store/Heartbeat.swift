import CLinux
package import GRDB
import Glibc
import PacketIO
import ScanFiles

/// A moment by two clocks: one that a reboot does not stop, and one that nobody can set.
package struct Heartbeat: Sendable, Equatable {
    /// µs since 1970-01-01T00:00:00Z.
    package var wall: Int64
    /// µs since the machine booted, time asleep included (CLOCK_BOOTTIME, clock_gettime(2)).
    package var boot: Int64
    /// Which boot that was; nil where the kernel does not say.
    package var bootID: String?

    package init(wall: Int64, boot: Int64, bootID: String?) {
        self.wall = wall
        self.boot = boot
        self.bootID = bootID
    }

    /// Now. Blocks for the first time.
    package static func now() -> Heartbeat {
        Heartbeat(wall: WallClock.microseconds(), boot: clinux_boottime() / 1000, bootID: thisBoot)
    }

    /// systemd tells the daemon, which then needs no more of /proc than its processes.
    private static let thisBoot: String? = {
        if let told = getenv("SYNSCAN_BOOT_ID"), told.pointee != 0 { return String(cString: told) }
        guard let text = try? TextFile.read("/proc/sys/kernel/random/boot_id", limit: 64) else { return nil }
        return String(text.prefix { $0 != "\n" })
    }()

    /// Seconds from `earlier` to this moment: by the boot's clock when it is the same boot, else by the time of day; never negative.
    package func seconds(since earlier: Heartbeat) -> Double {
        let isSameBoot = bootID != nil && bootID == earlier.bootID
        let microseconds = isSameBoot ? boot.subtractingReportingOverflow(earlier.boot) : wall.subtractingReportingOverflow(earlier.wall)
        return microseconds.overflow ? 0 : max(0, Double(microseconds.partialValue) / 1e6)
    }

    /// The last one that was stored.
    package static func last(_ db: Database) throws -> Heartbeat? {
        try Row.fetchOne(db, sql: "SELECT wall, boot, boot_id FROM heartbeat").map { Heartbeat(wall: $0[0], boot: $0[1], bootID: $0[2]) }
    }

    package func store(_ db: Database) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO heartbeat (id, wall, boot, boot_id) VALUES (1, ?, ?, ?)", arguments: [wall, boot, bootID])
    }
}
