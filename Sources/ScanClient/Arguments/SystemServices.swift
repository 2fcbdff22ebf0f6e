package import ScanTargets

/// This machine's names of services (services(5)).
package enum SystemServices {
    /// Without `/etc/services` no port has a name; numbers and classes work all the same.
    package static func read() -> ServiceNames {
        guard let text = try? TextFile("/etc/services").text() else { return ServiceNames() }
        return ServiceNames(servicesText: text)
    }
}
