/// Characters that look like what a grammar asks for and are not, because a word processor, a web page or another encoding put them there. They
/// are named as what they are.
enum Typography {
    /// The fault for the character at `index`, which does not belong in `what`.
    ///
    /// - Parameter letters: what to do about a letter that is not ASCII.
    static func fault(at index: Int, in text: Bytes, what: String, letters: String) -> SyntaxFault {
        let shown = text[index...].firstEscaped
        guard text[index] != 0 else {
            return SyntaxFault(
                at: index, "a NUL byte does not belong in \(what): the text is not UTF-8, but UTF-16 or no text at all", remedy: saveAsUTF8)
        }
        guard let scalar = String(decoding: text[index...].prefix(4), as: UTF8.self).unicodeScalars.first, !scalar.isASCII else {
            return SyntaxFault(at: index, "\"\(shown)\" does not belong in \(what)", remedy: "leave it out")
        }
        if scalar == "\u{FFFD}" {
            return SyntaxFault(
                at: index, "this is not UTF-8, but another encoding (UTF-16 or an old code page)", remedy: saveAsUTF8)
        }
        let name = scalar.properties.name.map { "\($0.lowercased()), \(number(of: scalar))" } ?? number(of: scalar)
        let (problem, remedy) = habit(scalar, shown, name, letters)
        return SyntaxFault(at: index, problem + " does not belong in \(what)", remedy: remedy)
    }

    private static let saveAsUTF8 = "save the list as UTF-8 (in PowerShell: Out-File -Encoding utf8)"

    private static func habit(
        _ scalar: Unicode.Scalar, _ shown: String, _ name: String, _ letters: String
    ) -> (problem: String, remedy: String) {
        let properties = scalar.properties
        if properties.isDefaultIgnorableCodePoint || scalar == "\u{2800}" {
            return ("an invisible character (\(name))", "take it out: delete the text around it and type it again")
        }
        switch properties.generalCategory {
        case .spaceSeparator: return ("a space that is no plain one (\(name))", "write a plain space")
        case .dashPunctuation: return ("\"\(shown)\", a typographic dash (\(name)),", "write a plain hyphen: -")
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
            return ("an invisible character (\(name))", "take it out: delete the text around it and type it again")
        case .decimalNumber, .letterNumber, .otherNumber: return ("\"\(shown)\" (\(name))", "write numbers with the digits 0 to 9")
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark, .spacingMark,
            .enclosingMark:
            return ("\"\(shown)\"", letters)
        default:
            let isDash = scalar == "\u{2212}"
            return isDash
                ? ("\"\(shown)\", a minus (\(name)),", "write a plain hyphen: -")
                : ("\"\(shown)\" (\(name))", "write plain ASCII characters")
        }
    }

    /// `U+200B`
    private static func number(of scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
