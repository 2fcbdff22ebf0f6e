/// The TCP options of a probe. `mss` is the least that real stacks answer normally; the others look like those systems' own SYNs.
package enum TCPOptions: String, Codable, Sendable, CaseIterable {
    case mss, linux, windows, none
}
