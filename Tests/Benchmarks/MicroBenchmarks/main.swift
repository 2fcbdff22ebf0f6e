import Glibc

/// usage: MicroBenchmarks OPERATION COUNT     Does one operation so many times and prints a line of JSON.
let operations: [(name: String, run: (Int) throws -> Measurement?)] = [
    ("permutation", PacketPath.permutation), ("cookie", PacketPath.cookie), ("patch", PacketPath.patch), ("probe", PacketPath.probe),
    ("probe6", PacketPath.probe6), ("scope", PacketPath.scope), ("parse", PacketPath.parse), ("parse6", PacketPath.parse6),
    ("table", PacketPath.table), ("engine", Engine.run), ("refresh", Refresh.run),
    ("formatter", Recording.line), ("recorder", Recording.recorder),
]

let words = CommandLine.arguments.dropFirst()
guard words.count == 2, let operation = operations.first(where: { $0.name == words.first }), let count = words.last.flatMap({ Int($0) }),
    count > 0
else {
    print("usage: MicroBenchmarks \(operations.map(\.name).joined(separator: "|")) COUNT")
    exit(2)
}
do {
    guard let measurement = try operation.run(count) else { exit(1) }
    print(measurement.json)
} catch {
    print("MicroBenchmarks \(operation.name): \(error)")
    exit(1)
}
