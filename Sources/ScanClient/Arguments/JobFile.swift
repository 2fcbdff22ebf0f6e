import ScanAPI
package import ScanFiles
import ScanTargets

/// A scan that a file describes (TOML), for `synscan scan --job`: what a timer submits again and again.
package enum JobFile {
    /// More than anybody writes by hand; long lists of targets have files of their own.
    private static let longest = 16 << 20

    /// Reads the file at `path`. It must be root's or this user's, and not writable by others.
    package static func read(_ path: String) throws(FileFault) -> RequestDraft {
        try draft(toml: try ScanFiles.TextFile.readTrusted(path, limit: longest), file: path)
    }

    /// Reads TOML text; `file` names it in errors, names the job where the text does not, and gives the folder that paths begin from.
    ///
    /// Only the keys and their types are checked here, what they say is checked in `RequestDraft.request`.
    package static func draft(toml text: String, file: String) throws(FileFault) -> RequestDraft {
        var table = try TableReader(text: text, file: file)
        var draft = RequestDraft()
        draft.source = Escaping.forTerminal(file)
        draft.name = try table.string(Field.name.rawValue)
        draft.targets = try table.strings(Field.targets.rawValue) ?? []
        draft.targetFiles = try table.paths(Field.targetFiles.rawValue, from: file)
        draft.exclude = try table.strings(Field.exclude.rawValue) ?? []
        draft.excludeFiles = try table.paths(Field.excludeFiles.rawValue, from: file)
        draft.ports = try table.stringOrInteger(Field.ports.rawValue)
        draft.topPorts = try table.integer(Field.topPorts.rawValue)
        draft.excludePorts = try table.stringOrInteger(Field.excludePorts.rawValue)
        draft.rate = try table.integer(Field.rate.rawValue)
        draft.maxRate = try table.integer(Field.maxRate.rawValue)
        draft.retries = try table.integer(Field.retries.rawValue)
        draft.recall = try table.stringOrNumber(Field.recall.rawValue)
        draft.tcpOptions = try table.choice(Field.tcpOptions.rawValue)
        draft.states = try table.stringOrStrings(Field.states.rawValue)?.joined(separator: ",")
        draft.reportAll = try table.boolean(Field.reportAll.rawValue)
        draft.reportHosts = try table.boolean(Field.reportHosts.rawValue)
        draft.strict = try table.boolean(Field.strict.rawValue)
        draft.interface = try table.string(Field.interface.rawValue)
        draft.sourceAddress = try table.string(Field.sourceAddress.rawValue)
        draft.priority = try table.choice(Field.priority.rawValue)
        draft.deadline = try table.string(Field.deadline.rawValue)
        try table.finish()
        for field in Field.allCases { draft.places[field] = Escaping.forTerminal(table.fault(field.rawValue, "").place) }
        if draft.name == nil {
            draft.name = stem(file)
            draft.places[.name] = Escaping.forTerminal("\(file): the job's name")
        }
        return draft
    }

    private typealias Field = RequestDraft.Field

    /// `office` for `/etc/synscan/jobs/office.toml`
    private static func stem(_ file: String) -> String {
        let last = file.split(separator: "/").last ?? ""
        return String(last.hasSuffix(".toml") ? last.dropLast(5) : last)
    }
}

extension TableReader {
    fileprivate mutating func integer(_ key: String) throws(FileFault) -> Int? {
        try integer(key, in: Int64.min...Int64.max).map { Int($0) }
    }

    /// Paths of files; relative ones begin at the folder of `file`.
    fileprivate mutating func paths(_ key: String, from file: String) throws(FileFault) -> [String] {
        let folder = file.lastIndex(of: "/").map { file[...$0] } ?? ""
        var result: [String] = []
        for path in try strings(key) ?? [] {
            guard !path.isEmpty, path != "-", !path.utf8.contains(0) else {
                throw fault(key, "\"\(path)\" is not a file's path; write one, relative ones begin at this file's folder")
            }
            result.append(path.hasPrefix("/") ? path : folder + path)
        }
        return result
    }

    /// One of the words that `Value` knows.
    fileprivate mutating func choice<Value>(_ key: String) throws(FileFault) -> Value?
    where Value: RawRepresentable<String> & CaseIterable {
        guard let text = try string(key) else { return nil }
        guard let value = Value(rawValue: text) else {
            throw fault(key, "\"\(text)\" is not one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return value
    }
}
