import Glibc
import ScanClient

StandardDescriptors.fillGaps()
exit(await Entry.run(Array(CommandLine.arguments.dropFirst())).rawValue)
