package import GRDB

/// The store's tables, as the migrations that make them. A migration that was released is never edited.
package enum Schema {
    package static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 jobs, findings, log") { db in
            try db.execute(sql: jobs)
            try db.execute(sql: findings)
            try db.execute(sql: log)
        }
        migrator.registerMigration("2 steering, checkpoints by page, heartbeat") { db in
            try db.execute(sql: steering)
            try db.execute(sql: checkpoints)
        }
        migrator.registerMigration("3 recall, found rates") { db in
            try db.execute(sql: recall)
        }
        migrator.registerMigration("4 hosts, conflicts") { db in
            try db.execute(sql: hosts)
        }
        migrator.registerMigration("5 another order of the targets") { db in
            try db.execute(sql: order)
        }
        migrator.registerMigration("6 hardware addresses of hosts, ways of jobs") { db in
            try db.execute(sql: neighbors)
        }
        migrator.registerMigration("7 packed lines, findings without a look at their job") { db in
            try db.execute(sql: packing)
            try detachFindings(db)
        }
        migrator.registerMigration("8 strict jobs") { db in
            try db.execute(sql: "ALTER TABLE jobs ADD COLUMN strict INTEGER NOT NULL DEFAULT 0")
        }
        migrator.registerMigration("9 names that did not resolve") { db in
            try db.execute(sql: "ALTER TABLE jobs ADD COLUMN unresolved TEXT")
        }
        migrator.registerMigration("10 names and bytes of each user's own") { db in
            try db.execute(sql: names)
            try db.execute(sql: sizes)
        }
        migrator.registerMigration("11 untested targets, jobs that retry them") { db in
            try db.execute(sql: untested)
        }
        migrator.registerMigration("12 unverified findings") { db in
            try db.execute(sql: unverified)
        }
        migrator.registerMigration("13 the last two marks of the log") { db in
            try db.execute(sql: marks)
        }
        return migrator
    }

    /// Times are microseconds since 1970-01-01T00:00:00Z. `targets`, `states`, `groups` and `account` are JSON. What can be large stands in tables of
    /// its own, so that a list of jobs does not read it.
    private static let jobs = """
        CREATE TABLE jobs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT,
            state TEXT NOT NULL,
            reason TEXT,
            targets TEXT NOT NULL,
            key BLOB NOT NULL,
            source_port INTEGER,
            rate INTEGER NOT NULL,
            retries INTEGER NOT NULL,
            tcp_options TEXT NOT NULL,
            states TEXT NOT NULL,
            uid INTEGER NOT NULL,
            pid INTEGER NOT NULL,
            groups TEXT NOT NULL,
            submitted INTEGER NOT NULL,
            started INTEGER,
            finished INTEGER,
            account TEXT NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX jobs_live_names ON jobs (name) WHERE name IS NOT NULL AND state NOT IN ('finished', 'cancelled', 'failed');
        CREATE INDEX jobs_names ON jobs (name, id) WHERE name IS NOT NULL;
        CREATE INDEX jobs_live ON jobs (id) WHERE state NOT IN ('finished', 'cancelled', 'failed');
        CREATE INDEX jobs_finished ON jobs (finished) WHERE finished IS NOT NULL;
        CREATE TABLE selections (job INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE, encoded TEXT NOT NULL) STRICT;
        CREATE TABLE checkpoints (job INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE, data BLOB NOT NULL) STRICT;
        """

    /// `deaths` counts how often the daemon died before the job's first checkpoint. `deleted` jobs are on their way out, finding by finding.
    private static let steering = """
        ALTER TABLE jobs ADD COLUMN priority TEXT NOT NULL DEFAULT 'normal';
        ALTER TABLE jobs ADD COLUMN deadline INTEGER;
        ALTER TABLE jobs ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE jobs ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX jobs_states ON jobs (state) WHERE deleted = 0;
        CREATE INDEX jobs_deleted ON jobs (id) WHERE deleted = 1;
        """

    /// `header` and the pages of `chunk` are a `ScanCheckpoint`; findings with a greater id than `last_finding` came after it. Checkpoints of the first
    /// schema go: such a job begins again and, its findings being unique, logs none twice. `heartbeat` tells when the daemon was last alive.
    private static let checkpoints = """
        DROP TABLE checkpoints;
        CREATE TABLE checkpoints (
            job INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
            chunk INTEGER NOT NULL,
            header BLOB NOT NULL,
            last_finding INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE checkpoint_pages (
            job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
            page INTEGER NOT NULL,
            data BLOB NOT NULL,
            PRIMARY KEY (job, page)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE heartbeat (id INTEGER PRIMARY KEY CHECK (id = 1), wall INTEGER NOT NULL, boot INTEGER NOT NULL, boot_id TEXT) STRICT;
        """

    /// Jobs from before have neither a goal nor a rate that is found. Their checkpoints are of another form: they begin again.
    private static let recall = """
        ALTER TABLE jobs ADD COLUMN rate_found INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE jobs ADD COLUMN recall REAL;
        DELETE FROM checkpoint_pages;
        DELETE FROM checkpoints;
        """

    /// What is known of whole hosts, each state of a host once; the last three columns of those that answer everything. `conflict` holds the later
    /// answer that contradicts a finding.
    private static let hosts = """
        CREATE TABLE hosts (
            job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
            address ANY NOT NULL,
            state TEXT NOT NULL,
            time INTEGER NOT NULL,
            reason TEXT NOT NULL,
            ttl INTEGER,
            open_ports INTEGER,
            sampled INTEGER,
            sampled_open INTEGER,
            PRIMARY KEY (job, address, state)
        ) STRICT, WITHOUT ROWID;
        ALTER TABLE jobs ADD COLUMN report_all INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE jobs ADD COLUMN report_hosts INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE findings ADD COLUMN conflict TEXT;
        """

    /// The pages of a checkpoint are by positions, which mean other targets now: jobs begin again.
    private static let order = """
        DELETE FROM checkpoint_pages;
        DELETE FROM checkpoints;
        """

    /// Of hosts on a link of this machine; and what a job says of the way to its targets.
    private static let neighbors = """
        ALTER TABLE jobs ADD COLUMN interface TEXT;
        ALTER TABLE jobs ADD COLUMN source_address TEXT;
        ALTER TABLE jobs ADD COLUMN zone TEXT;
        ALTER TABLE hosts ADD COLUMN mac TEXT;
        ALTER TABLE hosts ADD COLUMN vendor TEXT;
        ALTER TABLE hosts ADD COLUMN duplicate_mac TEXT;
        ALTER TABLE hosts ADD COLUMN mac_shared_by INTEGER;
        """

    /// `untested` has what runs have settled as untested, as `PositionSet`s: `first` and `last` are the ends of each. Where a job has ended before its time,
    /// its checkpoint tells of the rest. `chosen` is what a job that retries another is about: those of the sets, and from the position `chosen_from`
    /// on all. `ending` is the end, as JSON, of a job whose untested targets are being recorded before it is stored.
    private static let untested = """
        CREATE TABLE untested (
            job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
            first INTEGER NOT NULL,
            last INTEGER NOT NULL,
            positions BLOB NOT NULL
        ) STRICT;
        CREATE INDEX untested_jobs ON untested (job, first);
        CREATE TABLE chosen (job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE, first INTEGER NOT NULL, positions BLOB NOT NULL) STRICT;
        CREATE INDEX chosen_jobs ON chosen (job, first);
        ALTER TABLE jobs ADD COLUMN chosen_from INTEGER;
        ALTER TABLE jobs ADD COLUMN retry_of INTEGER;
        ALTER TABLE jobs ADD COLUMN ending TEXT;
        CREATE INDEX findings_conflicts ON findings (job) WHERE conflict IS NOT NULL;
        """

    /// 1 for findings whose answers carried no cookie.
    private static let unverified = "ALTER TABLE findings ADD COLUMN unverified INTEGER"

    /// Where the log was known to be safe, the latest two: up to `seq` the lines are safe in the file `device`, `inode` before `offset`, where `tail` holds
    /// the last bytes before `offset`, by which the file is known again. They take the place of the one mark that stood in `log`.
    private static let marks = """
        CREATE TABLE marks (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            device INTEGER NOT NULL,
            inode INTEGER NOT NULL,
            offset INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            tail BLOB NOT NULL
        ) STRICT;
        INSERT INTO marks (device, inode, offset, seq, tail) SELECT device, inode, offset, marked_seq, tail FROM log WHERE inode IS NOT NULL;
        ALTER TABLE log DROP COLUMN device;
        ALTER TABLE log DROP COLUMN inode;
        ALTER TABLE log DROP COLUMN offset;
        ALTER TABLE log DROP COLUMN marked_seq;
        ALTER TABLE log DROP COLUMN tail;
        """

    /// Whether the lines of a batch are `PackedLines`; those from before are as they stand in the log.
    private static let packing = "ALTER TABLE outbox ADD COLUMN is_packed INTEGER NOT NULL DEFAULT 0"

    /// A name belongs to whoever uses it: no user's job keeps another's from being called the same.
    private static let names = """
        DROP INDEX jobs_live_names;
        DROP INDEX jobs_names;
        CREATE UNIQUE INDEX jobs_live_names ON jobs (name, uid) WHERE name IS NOT NULL AND state NOT IN ('finished', 'cancelled', 'failed');
        CREATE INDEX jobs_names ON jobs (name, uid, id) WHERE name IS NOT NULL;
        """

    /// What a job's selection takes stands beside the job: to look it up in the selection would read all of that. Those of jobs that were cancelled
    /// before they ran go.
    private static let sizes = """
        DELETE FROM selections WHERE job IN (SELECT id FROM jobs WHERE state = 'cancelled' AND started IS NULL);
        ALTER TABLE jobs ADD COLUMN selection_bytes INTEGER NOT NULL DEFAULT 0;
        UPDATE jobs SET selection_bytes = ifnull((SELECT length(encoded) FROM selections WHERE job = jobs.id), 0);
        """

    /// Findings are deleted before their job, slice by slice (`Retention`), so that nothing needs the reference; asking for the job of every finding took
    /// a quarter of the time to store it. No row changes, so the table need not be copied (https://sqlite.org/lang_altertable.html#otheralter).
    private static func detachFindings(_ db: Database) throws {
        let version = try Int.fetchOne(db, sql: "PRAGMA schema_version") ?? 0
        try db.execute(sql: "PRAGMA writable_schema = ON")
        try db.execute(
            sql: """
                UPDATE sqlite_master SET sql = replace(sql, ' REFERENCES jobs ON DELETE CASCADE', '')
                WHERE type = 'table' AND name = 'findings'
                """)
        try db.execute(sql: "PRAGMA schema_version = \(version + 1)")
        try db.execute(sql: "PRAGMA writable_schema = RESET")
    }

    /// `address` is a number for IPv4 and 16 bytes for IPv6: SQLite sorts every number before every blob, so this is the order of `IPAddress`.
    /// Findings arrive in random order; the rows are appended as they come, and only the small index is written all over.
    private static let findings = """
        CREATE TABLE findings (
            id INTEGER PRIMARY KEY,
            job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
            address ANY NOT NULL,
            port INTEGER NOT NULL,
            time INTEGER NOT NULL,
            state TEXT NOT NULL,
            reason TEXT NOT NULL,
            ttl INTEGER,
            rtt INTEGER,
            window INTEGER,
            mss INTEGER,
            attempt INTEGER,
            interface TEXT
        ) STRICT;
        CREATE UNIQUE INDEX findings_targets ON findings (job, address, port);
        """

    /// `log` has one row. `seq` is the last line's number; up to `marked_seq` the lines are safe in the file `device`, `inode` before `offset`, where
    /// `tail` holds the last bytes before `offset`, by which the file is known again. `outbox` holds the lines after that.
    private static let log = """
        CREATE TABLE log (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            seq INTEGER NOT NULL,
            device INTEGER,
            inode INTEGER,
            offset INTEGER,
            marked_seq INTEGER,
            tail BLOB
        ) STRICT;
        INSERT INTO log (id, seq) VALUES (1, 0);
        CREATE TABLE outbox (first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, lines BLOB NOT NULL) STRICT;
        """
}
