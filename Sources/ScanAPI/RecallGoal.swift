/// How complete a scan is to be: in JSON a number above 0 and below 1, or `"none"`.
package enum RecallGoal: Sendable, Equatable {
    /// Exactly one pass, without an estimate.
    case none
    /// The share of the open ports that must be found with a probability of 0.99.
    case share(Double)

    package static let usual = 0.999

    package var share: Double? {
        if case .share(let share) = self { share } else { nil }
    }
}

extension RecallGoal: LosslessStringConvertible {
    /// Nil for anything but `none` or a number above 0 and below 1.
    package init?(_ text: String) {
        if text == "none" {
            self = .none
        } else if let share = Double(text), share > 0, share < 1 {
            self = .share(share)
        } else {
            return nil
        }
    }

    package var description: String {
        switch self {
        case .none: "none"
        case .share(let share): "\(share)"
        }
    }
}

extension RecallGoal: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let share = try? container.decode(Double.self) {
            self = .share(share)
        } else if try container.decode(String.self) == "none" {
            self = .none
        } else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "neither a number nor \"none\"")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .none: try container.encode("none")
        case .share(let share): try container.encode(share)
        }
    }
}
