import ScanAPI
import ScanService
import TestSupport
import Testing

@Suite("A job's life as a value")
struct JobStateMachineTests {
    typealias Input = JobStateMachine.Input
    typealias Action = JobStateMachine.Action

    /// A stretch of life: from a stored state, inputs with the actions they cause, and the state that clients see in the end.
    struct Life: Sendable, CustomTestStringConvertible {
        let what: String
        var from: JobState = .queued
        let steps: [(Input, Action)]
        let state: JobState
        var testDescription: String { what }
    }

    static let lives: [Life] = [
        Life(
            what: "runs to its end, which shows only once it is stored",
            steps: [(.start, .prepare), (.prepared, .startRun), (.runFinished, .end(.finished, reason: nil))], state: .running),
        Life(
            what: "is finished when that is stored",
            steps: [(.start, .prepare), (.prepared, .startRun), (.runFinished, .end(.finished, reason: nil)), (.stored, .leave)],
            state: .finished),
        Life(what: "goes on after a restart", from: .running, steps: [(.start, .prepare), (.prepared, .startRun)], state: .running),
        Life(
            what: "fails when it cannot be set up",
            steps: [(.start, .prepare), (.preparationFailed("no route"), .end(.failed, reason: "no route")), (.stored, .leave)],
            state: .failed),
        Life(
            what: "fails when the ground gives way",
            steps: [(.start, .prepare), (.prepared, .startRun), (.runFailed("down"), .end(.failed, reason: "down")), (.stored, .leave)],
            state: .failed),
        Life(
            what: "waits when its path has gone, and tries again until it is back",
            steps: [
                (.start, .prepare), (.prepared, .startRun), (.pathLost("down"), .retry(reason: "down")), (.start, .prepare),
                (.pathLost("no route"), .retry(reason: "no route")), (.start, .prepare), (.prepared, .startRun),
            ], state: .running),
        Life(
            what: "is waiting while its path is gone",
            steps: [(.start, .prepare), (.prepared, .startRun), (.pathLost("down"), .retry(reason: "down"))], state: .waiting),
        Life(
            what: "is cancelled though its path has gone at the same moment",
            steps: [
                (.start, .prepare), (.prepared, .startRun), (.cancel, .stopRun), (.pathLost("x"), .end(.cancelled, reason: nil)),
                (.stored, .leave),
            ], state: .cancelled),
        Life(
            what: "is paused though its path has gone at the same moment",
            steps: [(.start, .prepare), (.prepared, .startRun), (.pause, .stopRun), (.pathLost("x"), .park)], state: .paused),
        Life(what: "is cancelled while it waits", steps: [(.cancel, .end(.cancelled, reason: nil)), (.stored, .leave)], state: .cancelled),
        Life(
            what: "is cancelled while it is set up: the run never starts",
            steps: [(.start, .prepare), (.cancel, .none), (.prepared, .end(.cancelled, reason: nil)), (.stored, .leave)], state: .cancelled),
        Life(
            what: "is cancelled while it is set up, which then fails",
            steps: [(.start, .prepare), (.cancel, .none), (.preparationFailed("x"), .end(.cancelled, reason: nil))], state: .queued),
        Life(
            what: "is cancelled while it runs",
            steps: [
                (.start, .prepare), (.prepared, .startRun), (.cancel, .stopRun), (.cancel, .none),
                (.runStopped, .end(.cancelled, reason: nil)), (.stored, .leave),
            ], state: .cancelled),
        Life(
            what: "had finished before the cancellation reached it",
            steps: [(.start, .prepare), (.prepared, .startRun), (.cancel, .stopRun), (.runFinished, .end(.finished, reason: nil))],
            state: .running),
        Life(
            what: "is cancelled, and the run fails on its way out",
            steps: [(.start, .prepare), (.prepared, .startRun), (.cancel, .stopRun), (.runFailed("x"), .end(.cancelled, reason: nil))],
            state: .running),
        Life(
            what: "is put away when the daemon stops",
            steps: [(.start, .prepare), (.prepared, .startRun), (.suspend, .stopRun), (.runStopped, .suspend)], state: .running),
        Life(
            what: "is put away while it is set up",
            steps: [(.start, .prepare), (.suspend, .none), (.prepared, .suspend)], state: .queued),
        Life(
            what: "is put away while its set-up fails: that is no verdict",
            from: .running, steps: [(.start, .prepare), (.suspend, .none), (.preparationFailed("x"), .suspend)], state: .running),
        Life(what: "waits and is put away: it does not start any more", steps: [(.suspend, .none), (.start, .none)], state: .queued),
        Life(
            what: "finishes just when the daemon stops",
            steps: [
                (.start, .prepare), (.prepared, .startRun), (.suspend, .stopRun), (.runFinished, .end(.finished, reason: nil)),
                (.stored, .leave),
            ], state: .finished),
        Life(
            what: "ends, and everything after that is refused or ignored",
            steps: [
                (.start, .prepare), (.prepared, .startRun), (.runFinished, .end(.finished, reason: nil)),
                (.cancel, .refuse("it has ended already")), (.suspend, .none), (.runStopped, .none), (.stored, .leave), (.stored, .none),
                (.start, .none), (.cancel, .refuse("it has ended already")),
            ], state: .finished),
        Life(
            what: "cannot be cancelled while the daemon stops",
            steps: [(.start, .prepare), (.prepared, .startRun), (.suspend, .stopRun), (.cancel, .refuse("synscand is stopping"))],
            state: .running),
        Life(
            what: "fails when the run stops unasked",
            steps: [(.start, .prepare), (.prepared, .startRun), (.runStopped, .end(.failed, reason: "the run stopped by itself"))],
            state: .running),
        Life(
            what: "is paused while it waits for its turn, and resumed",
            steps: [(.pause, .note), (.start, .none), (.pause, .none), (.resume, .note), (.start, .prepare)], state: .queued),
        Life(
            what: "is paused while it is set up", steps: [(.start, .prepare), (.pause, .none), (.prepared, .park), (.resume, .note)],
            state: .queued),
        Life(
            what: "is paused while it runs, and goes on later",
            steps: [
                (.start, .prepare), (.prepared, .startRun), (.pause, .stopRun), (.pause, .none), (.runStopped, .park), (.start, .none),
                (.resume, .note), (.start, .prepare), (.prepared, .startRun),
            ], state: .running),
        Life(
            what: "is resumed before it had stopped: it waits for its turn",
            steps: [(.start, .prepare), (.prepared, .startRun), (.pause, .stopRun), (.resume, .none), (.runStopped, .park)], state: .queued),
        Life(
            what: "is paused and then cancelled before it had stopped",
            steps: [
                (.start, .prepare), (.prepared, .startRun), (.pause, .stopRun), (.cancel, .none),
                (.runStopped, .end(.cancelled, reason: nil)),
            ], state: .running),
        Life(
            what: "finishes before it could be paused",
            steps: [(.start, .prepare), (.prepared, .startRun), (.pause, .stopRun), (.runFinished, .end(.finished, reason: nil))],
            state: .running),
        Life(
            what: "is not resumed when it is not paused",
            steps: [(.resume, .refuse("it is not paused")), (.start, .prepare), (.resume, .refuse("it is not paused"))], state: .queued),
        Life(
            what: "ends at its deadline while it runs",
            steps: [
                (.start, .prepare), (.prepared, .startRun), (.finish(.finished, reason: "late"), .stopRun), (.cancel, .none),
            ], state: .running),
        Life(
            what: "ends at its deadline, with the reason",
            steps: [
                (.start, .prepare), (.prepared, .startRun), (.finish(.finished, reason: "late"), .stopRun),
                (.runStopped, .end(.finished, reason: "late")), (.stored, .leave),
            ], state: .finished),
        Life(
            what: "ends at its deadline while it is paused", from: .paused,
            steps: [(.finish(.finished, reason: "late"), .end(.finished, reason: "late")), (.stored, .leave)], state: .finished),
        Life(
            what: "ends at its deadline while it is set up",
            steps: [(.start, .prepare), (.finish(.finished, reason: "late"), .none), (.prepared, .end(.finished, reason: "late"))],
            state: .queued),
        Life(
            what: "gives up where nothing answers: that is its end, and no failure",
            steps: [
                (.start, .prepare), (.prepared, .startRun), (.hold, .note), (.runGaveUp("silent"), .end(.finished, reason: "silent")),
                (.stored, .leave),
            ], state: .finished),
        Life(
            what: "gives up just when it is cancelled",
            steps: [
                (.start, .prepare), (.prepared, .startRun), (.cancel, .stopRun), (.runGaveUp("silent"), .end(.cancelled, reason: nil)),
            ],
            state: .running),
        Life(
            what: "waits while it runs, and goes on",
            steps: [(.start, .prepare), (.prepared, .startRun), (.hold, .note), (.hold, .none), (.release, .note), (.release, .none)],
            state: .running),
        Life(
            what: "waits, and is put away as it is",
            steps: [(.start, .prepare), (.prepared, .startRun), (.hold, .note), (.suspend, .stopRun), (.runStopped, .suspend)],
            state: .waiting),
        Life(
            what: "waits after a restart until it may go on", from: .running,
            steps: [(.hold, .note), (.release, .none), (.start, .prepare), (.prepared, .startRun)], state: .running),
        Life(what: "goes on after a restart when it was waiting", from: .waiting, steps: [(.start, .prepare)], state: .waiting),
        Life(what: "does not wait for anything but its turn", steps: [(.hold, .none), (.release, .none)], state: .queued),
        Life(what: "does not start when it has ended in the store", from: .cancelled, steps: [(.start, .none)], state: .cancelled),
        Life(what: "does not start while it is paused", from: .paused, steps: [(.start, .none)], state: .paused),
    ]

    @Test("A job", arguments: lives)
    func life(_ life: Life) {
        var machine = JobStateMachine(life.from)
        for (input, action) in life.steps { #expect(machine.handle(input) == action, "\(input)") }
        #expect(machine.state == life.state)
    }

    @Test("Whatever comes in whatever order, a final state stays, and at most one end is stored")
    func anyOrder() {
        let inputs: [Input] = [
            .start, .prepared, .preparationFailed("a"), .cancel, .pause, .resume, .hold, .release, .finish(.finished, reason: "c"),
            .suspend,
            .runFinished, .runStopped, .runFailed("b"), .runGaveUp("d"), .stored,
        ]
        var random = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            var machine = JobStateMachine(Bool.random(using: &random) ? .queued : .running)
            var ends = 0
            var final: JobState?
            for _ in 0..<12 {
                if case .end = machine.handle(inputs[Int.random(in: 0..<inputs.count, using: &random)]) { ends += 1 }
                if let final { #expect(machine.state == final) }
                if machine.state.isFinal { final = machine.state }
            }
            #expect(ends <= 1)
        }
    }
}
