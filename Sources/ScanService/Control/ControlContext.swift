import Hummingbird
import NIOCore

/// What a request brings along besides itself.
struct ControlContext: InitializableFromSource {
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        channel = source.channel
    }
}
