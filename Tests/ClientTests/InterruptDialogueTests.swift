import ScanClient
import Testing

@Suite("Ctrl-C while a job is followed")
struct InterruptDialogueTests {
    @Test("without a terminal it detaches")
    func withoutTerminal() {
        var dialogue = InterruptDialogue(canAsk: false)
        #expect(dialogue.interrupted() == .detach)
    }

    @Test("on a terminal it asks, a second one detaches")
    func twice() {
        var dialogue = InterruptDialogue(canAsk: true)
        #expect(dialogue.interrupted() == .ask)
        #expect(dialogue.interrupted() == .detach)
    }

    @Test(
        "answers",
        arguments: [
            ("d", InterruptDialogue.Step.detach), ("detach", .detach), ("D", .detach), (" c", .cancel), ("cancel", .cancel), ("", .follow),
            ("f", .follow), ("?", .follow),
        ])
    func answers(answer: String, step: InterruptDialogue.Step) {
        var dialogue = InterruptDialogue(canAsk: true)
        #expect(dialogue.interrupted() == .ask)
        #expect(dialogue.answered(answer) == step)
    }

    @Test("after an answer the next Ctrl-C asks again")
    func again() {
        var dialogue = InterruptDialogue(canAsk: true)
        _ = dialogue.interrupted()
        _ = dialogue.answered("")
        #expect(dialogue.interrupted() == .ask)
    }
}
