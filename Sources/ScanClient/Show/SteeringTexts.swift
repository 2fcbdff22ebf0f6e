package import ScanAPI

/// What was done to a job, a sentence each without its full stop.
package enum SteeringTexts {
    package static func paused(_ job: Job) -> String {
        "\(JobTexts.heading(job)) is \(job.state == .paused ? "paused" : "being paused")"
    }

    /// It may run now, or have to wait for its turn or for something else.
    package static func resumed(_ job: Job) -> String {
        "\(JobTexts.heading(job)) is \(job.state == .paused ? "being resumed" : JobTexts.standing(job))"
    }

    package static func cancelled(_ job: Job) -> String {
        "\(JobTexts.heading(job)) is \(job.state == .cancelled ? "cancelled" : "being cancelled")"
    }

    package static func rate(_ perSecond: Int, of job: Job) -> String {
        "\(JobTexts.heading(job)) sends at most \(Quantities.rate(Double(perSecond)))"
    }

    package static func priority(of job: Job) -> String {
        "\(JobTexts.heading(job)) has \(job.priority.rawValue) priority"
    }

    package static func deleted(_ job: Job) -> String {
        "\(JobTexts.heading(job)) is deleted"
    }
}
