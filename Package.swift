// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

// The programs run on machines without a Swift toolchain: they hold its libraries, and no symbols. SwiftPM's own option for it compiles every
// module anew, and cannot build tests. The libraries stand in the order in which the linker needs them.
let standalone: [LinkerSetting] = [
    .unsafeFlags(["-static-stdlib", "-Xlinker", "-s"]),
    .linkedLibrary("Foundation"),
    .linkedLibrary("FoundationInternationalization"),
    .linkedLibrary("FoundationEssentials"),
    .linkedLibrary("CoreFoundation"),
    .linkedLibrary("_FoundationICU"),
    .linkedLibrary("_FoundationCollections"),
    .linkedLibrary("_FoundationCShims"),
]

let package = Package(
    name: "synscan",
    products: [
        .executable(name: "synscand", targets: ["synscand"]),
        .executable(name: "synscan", targets: ["synscan"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-system.git", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.0", traits: []),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
    ],
    targets: [
        // Pure values: what is scanned.
        .target(name: "ScanTargets", swiftSettings: strict),

        // Headers and macro shims, no logic.
        .systemLibrary(name: "CPcap", pkgConfig: "libpcap", providers: [.apt(["libpcap-dev"])]),
        .target(name: "CLinux", cSettings: [.define("_GNU_SOURCE")]),

        // Cookies and checksums, several at a time.
        .target(name: "CFrames"),

        // The scanner's rules as values: no system call, thread, lock or clock.
        .systemLibrary(name: "CMath"),
        .target(name: "ScanCore", dependencies: ["ScanTargets", "CMath"], swiftSettings: strict),

        // Everything that asks the kernel: bytes, routes, neighbours, links, capture.
        .target(
            name: "PacketIO",
            dependencies: [
                "ScanTargets", "ScanCore", "CPcap", "CLinux", "CFrames",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict),

        // The two threads that join both.
        .target(
            name: "ScanEngine",
            dependencies: [
                "ScanTargets", "ScanCore", "PacketIO",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict),

        // What daemon and client say to each other.
        .target(name: "ScanAPI", dependencies: ["ScanTargets"], swiftSettings: strict),

        // Files that administrators write: TOML checked key by key, and whose they are.
        .target(
            name: "ScanFiles",
            dependencies: [.product(name: "SystemPackage", package: "swift-system")],
            swiftSettings: strict),

        .target(
            name: "ScanService",
            dependencies: [
                "ScanTargets", "ScanCore", "PacketIO", "ScanEngine", "ScanAPI", "ScanFiles", "CLinux",
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "synscand",
            dependencies: [
                "ScanService", "ScanAPI",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict, linkerSettings: standalone),

        // Never links libpcap, SQLite or a TLS library.
        .target(
            name: "ScanClient",
            dependencies: [
                "ScanTargets", "ScanAPI", "ScanFiles",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .executableTarget(name: "synscan", dependencies: ["ScanClient"], swiftSettings: strict, linkerSettings: standalone),

        // What an operation of the packet path costs; Tests/Benchmarks/micro runs it.
        .executableTarget(
            name: "MicroBenchmarks",
            dependencies: [
                "ScanCore", "PacketIO", "ScanEngine", "ScanService", "ScanTargets", "ScanAPI", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            path: "Tests/Benchmarks/MicroBenchmarks", swiftSettings: strict),

        .target(name: "TestSupport", dependencies: ["ScanCore"], path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(name: "ScanTargetsTests", dependencies: ["ScanTargets", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "ScanCoreTests", dependencies: ["ScanCore", "ScanTargets", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "ScanEngineTests", dependencies: ["ScanCore", "PacketIO", "ScanEngine", "ScanTargets", "TestSupport", "CPcap"],
            swiftSettings: strict),
        .testTarget(
            name: "ClientTests",
            dependencies: [
                "ScanClient", "ScanAPI", "ScanTargets", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ScanServiceTests",
            dependencies: [
                "ScanService", "ScanCore", "PacketIO", "ScanEngine", "ScanAPI", "ScanFiles", "ScanTargets", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
    ]
)
