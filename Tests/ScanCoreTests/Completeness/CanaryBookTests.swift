import ScanCore
import Testing

@Suite("Canaries")
struct CanaryBookTests {
    @Test("an answer counts once, for the target that was asked")
    func answers() {
        var book = CanaryBook()
        book.note(7, at: 100, time: 1)
        book.note(9, at: 101, time: 2)
        #expect(book.answer(7) == 100 && book.answer(7) == nil && book.answer(8) == nil)
        #expect(book.canaries == .init(sent: 2, answered: 1) && !book.isAnswered)
        #expect(book.answer(9) == 101 && book.isAnswered)
        #expect(book.answer(9) == nil)
    }

    @Test("a target whose answer is still to come is not asked again until that is no longer to be expected")
    func pending() {
        var book = CanaryBook()
        book.note(7, at: 100, time: 1000)
        #expect(book.isPending(7, since: 999) && !book.isPending(7, since: 1000) && !book.isPending(8, since: 0))
        _ = book.answer(7)
        #expect(!book.isPending(7, since: 0))
    }

    @Test("canaries that were sent too fast count for nothing, and later ones do")
    func void() {
        var book = CanaryBook()
        for place in 0..<10 as Range<UInt64> { book.note(place, at: place, time: 0) }
        book.void(4..<8)
        book.note(50, at: 5, time: 1)
        #expect(book.canaries == .init(sent: 7, answered: 0))
    }

    @Test("the last answers are known by their sweep, and no more than asked for")
    func recent() {
        var recent = RecentAnswers()
        for target in 0..<400 as Range<UInt64> { recent.note(target, sweep: target < 390 ? 1 : 2) }
        #expect(Set(recent.targets(since: 2, most: 200)) == Set(390..<400))
        #expect(recent.targets(since: 1, most: 200).count == 200)
        #expect(recent.targets(since: 3, most: 200).isEmpty)
    }
}
