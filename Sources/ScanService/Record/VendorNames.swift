package import ScanCore
import ScanFiles

/// Who makes network hardware, by the first digits of its addresses, where the registries' files are installed (Debian's ieee-data).
package struct VendorNames: Sendable {
    /// By assignment: six, seven or nine hexadecimal digits.
    private let names: [String: String]

    private static let folder = "/usr/share/ieee-data"
    private static let files = ["oui.csv", "mam.csv", "oui36.csv"]
    /// Of a file, bytes.
    private static let limit = 64 << 20

    /// Those of this machine; read when they are asked for the first time, which takes some tenths of a second. Empty where there are none.
    static let installed = VendorNames(files.map { "\(folder)/\($0)" })

    /// Files that cannot be read are left out: names are an extra.
    package init(_ paths: [String]) {
        var names: [String: String] = [:]
        for path in paths {
            guard let text = try? TextFile.read(path, limit: Self.limit) else { continue }
            for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
                if let (assignment, name) = Self.entry(line) { names[assignment] = name }
            }
        }
        self.names = names
    }

    /// The longest assignment counts.
    package func name(of address: HardwareAddress) -> String? {
        guard !names.isEmpty else { return nil }
        let digits = address.description.uppercased().filter { $0 != ":" }
        return [9, 7, 6].lazy.compactMap { names[String(digits.prefix($0))] }.first
    }

    /// `MA-L,286FB9,"Nokia Shanghai Bell Co., Ltd.",…`: a name with a comma in it stands in quotation marks, which it doubles (RFC 4180).
    private static func entry(_ line: Substring.UTF8View) -> (String, String)? {
        let fields = Substring(line).split(separator: ",", maxSplits: 2, omittingEmptySubsequences: false)
        guard fields.count == 3, fields[0].hasPrefix("MA-"), fields[1].utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) else {
            return nil
        }
        guard fields[2].first == "\"" else { return (String(fields[1]), String(fields[2].prefix { $0 != "," })) }
        var name = ""
        var rest = fields[2].dropFirst()
        while let end = rest.firstIndex(of: "\"") {
            name += rest[..<end]
            rest = rest[rest.index(after: end)...]
            guard rest.first == "\"" else { break }
            name += "\""
            rest = rest.dropFirst()
        }
        return (String(fields[1]), name)
    }
}
