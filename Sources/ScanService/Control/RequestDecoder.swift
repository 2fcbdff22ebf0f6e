package import FoundationEssentials
package import ScanAPI

/// What clients send as JSON.
package protocol RequestBody: Decodable, Sendable {
    /// One without optional values: its properties are the keys that there are.
    static var blank: Self { get }
    /// For people.
    static var example: String { get }
}

extension JobRequest: RequestBody {
    package static var blank: JobRequest { JobRequest(targets: []) }
    package static var example: String { "{\"targets\":[\"192.0.2.0/24\"],\"ports\":\"22,80\"}" }
}

extension JobChange: RequestBody {
    package static var blank: JobChange { JobChange() }
    package static var example: String { "{\"rate\":500}" }
}

/// Reads the JSON of a request, and says in words what is wrong with it.
package enum RequestDecoder {
    /// Throws `Refusal`.
    package static func decode<Body: RequestBody>(_ type: Body.Type, _ bytes: Data) throws(Refusal) -> Body {
        guard !bytes.isEmpty else { throw Refusal(.usage, "The request has no body: send a JSON object like \(Body.example).") }
        if let key = RepeatedKey.first(in: bytes) {
            throw Refusal(.usage, "The request has the key \(shown(key)) twice: give it once, with all that belongs to it.")
        }
        do {
            return try APICoding.decode(Strict<Body>.self, from: bytes).body
        } catch let refusal as Refusal {
            throw refusal
        } catch let error as DecodingError {
            throw Refusal(.usage, "The request cannot be used: \(words(error)).")
        } catch {
            throw Refusal(.usage, "The request is not JSON: \(error).")
        }
    }

    /// A slip in an optional key must not scan something else than was meant: unknown keys are refused.
    private struct Strict<Body: RequestBody>: Decodable {
        let body: Body

        init(from decoder: any Decoder) throws {
            let keys = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue)
            // As the decoder shows them, words joined by capitals.
            let known = Set(Mirror(reflecting: Body.blank).children.compactMap(\.label))
            if let unknown = keys.filter({ !known.contains($0) }).min() {
                let names = known.map(RequestDecoder.snakeCase).sorted().joined(separator: ", ")
                throw Refusal(.usage, "The request has an unknown key, \(RequestDecoder.shown(unknown)): the keys are \(names).")
            }
            body = try Body(from: decoder)
        }
    }

    private struct AnyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private static func words(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context): "\(place(context.codingPath + [key])) is missing"
        case .typeMismatch(let type, let context): "\(place(context.codingPath)) must be \(name(type))"
        case .valueNotFound(let type, let context): "\(place(context.codingPath)) must be \(name(type)), not null"
        case .dataCorrupted(let context):
            // Numbers that do not fit come without a place.
            if context.codingPath.isEmpty {
                "it is not JSON, or a number in it is too large or not a whole one"
            } else {
                "\(place(context.codingPath)) has no possible value (\(shown(context.debugDescription, limit: 200)))"
            }
        @unknown default: "it does not fit"
        }
    }

    private static func name(_ type: Any.Type) -> String {
        switch type {
        case is String.Type: "a text"
        case is Int.Type: "a whole number"
        case is [Any].Type: "a list"
        case is [String: Any].Type: "a JSON object"
        default: "of another type"
        }
    }

    /// `targets[3]`
    private static func place(_ path: [any CodingKey]) -> String {
        var text = ""
        for key in path {
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += (text.isEmpty ? "" : ".") + snakeCase(shown(key.stringValue))
            }
        }
        return text.isEmpty ? "the whole" : text
    }

    private static func snakeCase(_ name: String) -> String {
        name.map { $0.isUppercase ? "_\($0.lowercased())" : String($0) }.joined()
    }

    private static func shown(_ text: String, limit: Int = 40) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(limit).map { $0.properties.generalCategory == .control ? "?" : $0 }))
    }
}

/// Of two values of one key a reader of JSON keeps one, and says nothing of the other (RFC 8259 §4): an exclusion would be lost.
private enum RepeatedKey {
    /// The first key that the outermost object has twice, as it is read: `exclude_ports` and `excludePorts` are the same.
    static func first(in json: Data) -> String? {
        var keys: Set<String> = []
        var (depth, isKey) = (0, false)
        var index = json.startIndex
        while index < json.endIndex {
            switch json[index] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                isKey = depth == 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: ","): isKey = depth == 1
            case UInt8(ascii: "\""):
                let end = endOfText(json, from: index)
                if isKey {
                    let key = read(json[index..<end])
                    guard keys.insert(key.lowercased().filter { $0 != "_" }).inserted else { return key }
                }
                isKey = false
                index = end
                continue
            default: break
            }
            index += 1
        }
        return nil
    }

    private static func endOfText(_ json: Data, from quote: Int) -> Int {
        var index = quote + 1
        while index < json.endIndex, json[index] != UInt8(ascii: "\"") { index += json[index] == UInt8(ascii: "\\") ? 2 : 1 }
        return min(index + 1, json.endIndex)
    }

    private static func read(_ text: Data) -> String {
        (try? APICoding.decode(String.self, from: text)) ?? String(decoding: text, as: UTF8.self)
    }
}
