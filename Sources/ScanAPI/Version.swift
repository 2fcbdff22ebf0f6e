/// The one place that names the version; daemon, client and documents take it from here.
package enum Version {
    package static let current = "0.1.0"
}
