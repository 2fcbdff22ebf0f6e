"""A store that is damaged, deleted, lost, restored, or on a full disk: it is told, and nothing is logged twice."""

import pathlib
import shutil
import sqlite3
import subprocess
import time

from harness import wait_until
from test_full_disk import SmallDisk
from test_torture import KnownScan


class Stores(KnownScan):
    lasts = 60

    @property
    def database(self):
        return self.daemon.data / "store" / "synscan.db"

    def status(self):
        return self.daemon.ask("GET", "/v1/status")

    def test_after_a_clean_stop_the_database_alone_holds_everything(self):
        self.own_daemon().start()
        job = self.submit()
        self.finish_and_check(job)
        self.daemon.terminate()
        copy = self.daemon.directory / "copy.db"
        shutil.copy(self.database, copy)
        with sqlite3.connect(copy) as db:
            self.assertEqual(db.execute("SELECT COUNT(*) FROM findings").fetchone()[0], len(self.expected))
            self.assertEqual(db.execute("SELECT state FROM jobs").fetchall(), [("finished",)])
        self.daemon.start()
        # And some seconds after the last change.
        wal = self.database.with_name("synscan.db-wal")
        wait_until(lambda: not wal.exists() or wal.stat().st_size == 0, 15, "the write-ahead log is empty")

    def damage_pages_of(self, *tables):
        """Overwrites every page that belongs to the tables, as a disk does."""
        with sqlite3.connect(self.database) as db:
            size = db.execute("PRAGMA page_size").fetchone()[0]
            names = ",".join("?" * len(tables))
            roots = [row[0] for row in db.execute(f"SELECT rootpage FROM sqlite_master WHERE name IN ({names})", tables)]
        db.close()
        self.assertTrue(roots)
        with open(self.database, "r+b") as file:
            for page in roots:
                file.seek((page - 1) * size)
                file.write(b"\xa5" * 256)

    def test_a_damaged_database_is_kept_aside_told_and_never_a_full_disk(self):
        for tables in (["jobs"], ["log"], ["outbox"], ["findings"], ["checkpoints"], ["selections"], ["findings_targets"]):
            with self.subTest(tables=tables):
                self.own_daemon().start()
                self.finish_and_check(self.submit())
                last = self.log_lines(True)[-1]["seq"]
                self.daemon.terminate()
                self.damage_pages_of(*tables)
                damaged = self.database.read_bytes()
                self.daemon.start()
                kept = [path for path in self.database.parent.glob("synscan.db.damaged-*") if not path.name.endswith(("-wal", "-shm"))]
                self.assertEqual([path.read_bytes() == damaged for path in kept], [True])
                self.assertIn(str(kept[0]), str(self.status()["advice"]))
                self.assertNotIn("obstacle", self.status())
                self.assertIn("was damaged", self.daemon.output())
                self.assertNotIn("no space", self.daemon.output())
                job = self.submit()
                self.reach(job, lambda _: False)
                wait_until(lambda: b'"job.finished"' in self.daemon.log.read_bytes()[-2000:], 10, "the job's last line")
                rows = self.log_lines(True)
                self.assertEqual([row["event"] for row in rows if row["seq"] == last + 1], ["store.replaced"])
                self.assert_truth(job, rows)
                self.daemon.terminate()

    def test_a_database_that_is_deleted_in_use_is_told_and_written_anew(self):
        for what in "synscan.db*", "synscan.db":
            with self.subTest(what=what):
                self.own_daemon().start()
                job = self.submit()
                self.reach_share(job, 0.3)
                for path in self.database.parent.glob(what):
                    path.unlink()
                wait_until(lambda: "was deleted while it was in use" in self.status().get("obstacle", ""), 5, "it is told")
                self.daemon.reach(job, "waiting", seconds=5)
                status, answer = self.daemon.http("POST", "/v1/jobs", self.request)
                self.assertEqual((status, answer["kind"]), (503, "unavailable"))
                self.daemon.terminate()
                self.daemon.start()
                self.finish_and_check(job)

    def backup(self, name="copy.db", *options):
        path = self.daemon.directory / name
        return path, self.daemon.run("backup", "-o", path, *options)

    def restore(self, copy):
        for path in self.database.parent.glob("synscan.db*"):
            path.unlink()
        shutil.copy(copy, self.database)

    def test_a_backup_of_the_middle_of_a_scan_is_restored_and_nothing_is_logged_twice(self):
        for has_ended in True, False:
            with self.subTest(has_ended=has_ended):
                self.own_daemon().start()
                over = self.submit()
                self.finish_and_check(over)
                job = self.submit()
                self.reach_share(job, 0.3)
                copy, result = self.backup()
                self.assertEqual(result.code, 0, result.err)
                self.assertEqual(copy.stat().st_mode & 0o777, 0o600)
                if has_ended:
                    self.finish_and_check(job)
                    later = self.submit()
                    self.finish_and_check(later)
                else:
                    self.reach_share(job, 0.7)
                self.daemon.kill()
                self.restore(copy)
                self.daemon.start()
                self.assertIn("is older than the results log", str(self.status()["advice"]))
                self.finish_and_check(job)
                if has_ended:
                    self.assertEqual(self.daemon.http("GET", f"/v1/jobs/{later}")[0], 404)
                    self.assertGreater(self.submit(), later)
                self.daemon.terminate()

    def test_backups_are_whole_or_not_there_and_replace_nothing_unasked(self):
        self.own_daemon().start()
        self.finish_and_check(self.submit())
        copy, result = self.backup()
        self.assertEqual(result.code, 0, result.err)
        with sqlite3.connect(copy) as db:
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchone()[0], "ok")
            self.assertEqual(db.execute("SELECT COUNT(*) FROM findings").fetchone()[0], len(self.expected))
        before = copy.read_bytes()
        _, refused = self.backup()
        self.assertEqual(refused.code, 2)
        self.assert_sentence(refused.err, "is there already", "--force")
        self.assertEqual(copy.read_bytes(), before)
        self.assertEqual(self.backup("copy.db", "--force")[1].code, 0)
        for name in "nowhere/copy.db", ".":
            self.assertEqual(self.backup(name)[1].code, 2)
        self.assertEqual(self.daemon.run("backup", "-o", self.daemon.directory / "b", "--json").code, 0)
        left = [path.name for path in pathlib.Path(self.daemon.directory).iterdir() if ".part" in path.name]
        self.assertEqual(left + [path.name for path in self.database.parent.glob("backup-*")], [])

    def test_the_directory_of_somebody_else_is_refused_and_stays_as_it_is(self):
        daemon = self.own_daemon()
        used = daemon.directory / "srv"
        used.mkdir()
        (used / "files").mkdir()
        for mode in 0o755, 0o1777:
            used.chmod(mode)
            daemon.sections["store"]["directory"] = str(used)
            daemon.configure()
            refused = daemon.fails_to_start()
            self.assertEqual(refused.code, 1)
            self.assert_sentence(refused.err, str(used), "is open to others")
            self.assertEqual(used.stat().st_mode & 0o7777, mode)


class StartWithoutRoom(SmallDisk):
    def test_a_daemon_starts_on_a_full_disk_answers_waits_and_goes_on(self):
        for end in "kill", "terminate":
            with self.subTest(end=end):
                self.start("data")
                job = self.submit()
                self.reach_share(job, 0.3)
                getattr(self.daemon, end)()
                self.disk.fill(0)
                self.daemon.start()
                self.assert_waiting(job, "no space for results")
                self.disk.empty()
                self.finish_and_check(job)
                self.daemon.terminate()

    def test_a_daemon_starts_with_a_protected_log_waits_and_goes_on(self):
        self.own_daemon().start()
        job = self.submit()
        self.reach_share(job, 0.3)
        self.daemon.kill()
        subprocess.run(["chattr", "+i", self.daemon.log], check=True)
        try:
            self.daemon.start()
            self.assert_waiting(job, str(self.daemon.log))
        finally:
            subprocess.run(["chattr", "-i", self.daemon.log], check=True)
        self.finish_and_check(job)
