import ScanTargets

/// Expressions of one list, in little memory: addresses merged, names and single endpoints kept apart.
struct ExpressionPile: Sendable {
    private var addresses = AddressSet.Builder()
    private var endpoints: [Endpoint] = []
    private var named: [TargetExpression] = []

    mutating func add(_ expression: TargetExpression) {
        switch (expression.hosts, expression.port) {
        case (.name, _): named.append(expression)
        case (.addresses(let range), let port?): endpoints.append(Endpoint(address: range.first, port: port))
        case (.addresses, nil), (.blocks, _): for range in expression.ranges { addresses.insert(range) }
        }
    }

    var names: [String] { named.compactMap(\.name) }

    /// All of them, with what the names stand for.
    func resolved(by answers: [String: [IPAddress]]) -> (addresses: AddressSet, endpoints: [Endpoint]) {
        var (addresses, endpoints) = (addresses, endpoints)
        for expression in named {
            let found = expression.addresses(answers)
            if let port = expression.port {
                endpoints += found.each.map { Endpoint(address: $0, port: port) }
            } else {
                addresses.insert(found)
            }
        }
        return (addresses.set, endpoints)
    }
}
