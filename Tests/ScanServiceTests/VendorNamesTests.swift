import ScanCore
import ScanEngine
import ScanService
import Testing

@Suite("Who made network hardware")
struct VendorNamesTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func names(_ files: [String]) throws -> VendorNames {
        for (index, text) in files.enumerated() { try directory.write(text, to: "\(index).csv") }
        return VendorNames(files.indices.map { directory.file("\($0).csv") } + ["/nonexistent/oui.csv"])
    }

    private func address(_ bytes: [UInt8]) throws -> HardwareAddress { try #require(HardwareAddress(bytes: bytes)) }

    @Test("is told by the longest assignment, with commas and quotation marks in the name")
    func longest() throws {
        let names = try names([
            """
            Registry,Assignment,Organization Name,Organization Address\r
            MA-L,286FB9,"Nokia Shanghai Bell Co., Ltd.","No.388 Ning Qiao Road,Jin Qiao Pudong Shanghai Shanghai   CN 201206 "\r
            MA-L,8C1F64,IEEE Registration Authority,445 Hoes Lane Piscataway NJ US 08554 \r
            MA-L,0050C2,"A ""B"" C",x\r
            MA-L,ZZZZZZ,nobody,x\r
            MA-L\r
            """, "MA-S,8C1F64AFA,DATA ELECTRONIC DEVICES,x\nMA-M,8C1F64A,Middle,x\n",
        ])
        let table: [([UInt8], String?)] = [
            ([0x28, 0x6F, 0xB9, 1, 2, 3], "Nokia Shanghai Bell Co., Ltd."), ([0x00, 0x50, 0xC2, 0, 0, 0], "A \"B\" C"),
            ([0x8C, 0x1F, 0x64, 0xAF, 0xA1, 2], "DATA ELECTRONIC DEVICES"), ([0x8C, 0x1F, 0x64, 0xAF, 0xB1, 2], "Middle"),
            ([0x8C, 0x1F, 0x64, 0xB0, 0, 0], "IEEE Registration Authority"), ([0x02, 0, 0, 0, 0, 1], nil),
        ]
        for (bytes, name) in table { #expect(names.name(of: try address(bytes)) == name) }
    }

    @Test("is not told where the registries' files are not there")
    func absent() throws {
        #expect(VendorNames(["/nonexistent/oui.csv"]).name(of: try address([0x28, 0x6F, 0xB9, 1, 2, 3])) == nil)
    }
}
