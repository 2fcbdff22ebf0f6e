package import FoundationEssentials
import ScanAPI

/// The description of the control interface that the daemon serves (OpenAPI 3.1).
package enum OpenAPIDocument {
    package static let bytes = Data(text.utf8)

    private static let job = Routes.job("{job}")

    private static let text = """
        {
          "openapi": "3.1.0",
          "info": {
            "title": "synscan control interface",
            "version": "\(Version.current)",
            "description": "HTTP/1.1 over synscand's Unix socket. Who asks is known from the socket. Every answer outside 2xx is a Refusal."
          },
          "servers": [{"url": "http://localhost", "description": "the Unix socket; the host name is not looked at"}],
          "paths": {
            "\(Routes.status)": {
              "get": {"operationId": "status", "summary": "The daemon: version, limits, scope, files",
                "responses": {"200": \(answer("DaemonStatus")), \(refusals)}}
            },
            "\(Routes.openAPI)": {
              "get": {"operationId": "openapi", "summary": "This document",
                "responses": {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}}, \(refusals)}}
            },
            "\(Routes.plans)": {
              "post": {"operationId": "plan", "summary": "What a job would do; sends nothing", "requestBody": \(request),
                "responses": {"200": \(answer("Plan")), \(badRequests), \(refusals)}}
            },
            "\(Routes.jobs)": {
              "get": {"operationId": "listJobs", "summary": "The latest jobs, oldest first",
                "parameters": [{"name": "limit", "in": "query", "required": false, "schema": {"type": "integer", "minimum": 1, "maximum": \(Routes.greatestListLimit), "default": 100}}],
                "responses": {"200": {"description": "jobs", "content": {"application/json": {"schema": {"type": "array", "items": \(reference("Job"))}}}},
                  "400": \(refused), \(refusals)}},
              "post": {"operationId": "submit", "summary": "Submit a scan; it is durable when the answer comes", "requestBody": \(request),
                "responses": {"201": \(answer("Job")), "409": \(refused), \(badRequests), \(refusals)}}
            },
            "\(Routes.reload)": {
              "post": {"operationId": "reload", "summary": "Read the configuration again; all of it is taken over or nothing",
                "responses": {"200": \(answer("Reload")), "409": \(refused), \(refusals)}}
            },
            "\(Routes.reopen)": {
              "post": {"operationId": "reopen", "summary": "Go on in new log files where the old ones have been renamed",
                "responses": {"200": \(answer("Reopening")), \(refusals)}}
            },
            "\(Routes.backup)": {
              "get": {"operationId": "backup", "summary": "The store as an SQLite database, as it is now",
                "responses": {"200": {"description": "a database", "content": {"application/vnd.sqlite3": {"schema": {"type": "string", "format": "binary"}}}}, \(refusals)}}
            },
            "\(Routes.halt)": {
              "post": {"operationId": "halt", "summary": "Stop all sending, until unhalt", "responses": {"200": \(answer("DaemonStatus")), \(refusals)}}
            },
            "\(Routes.unhalt)": {
              "post": {"operationId": "unhalt", "summary": "Let packets leave again", "responses": {"200": \(answer("DaemonStatus")), \(refusals)}}
            },
            "\(job)": {
              "parameters": [\(parameter)],
              "get": {"operationId": "job", "summary": "One job", "responses": {"200": \(answer("Job")), "404": \(refused), "409": \(refused), \(refusals)}},
              "patch": {"operationId": "change", "summary": "Change the rate or the priority of a job that is not over", "requestBody": \(change),
                "responses": {"200": \(answer("Job")), "404": \(refused), "409": \(refused), \(badRequests), \(refusals)}},
              "delete": {"operationId": "delete", "summary": "Delete a job and its findings; one that is not over is cancelled first",
                "responses": {"200": \(answer("Job")), "404": \(refused), "409": \(refused), \(refusals)}}
            },
            "\(Routes.pause("{job}"))": {
              "parameters": [\(parameter)],
              "post": {"operationId": "pause", "summary": "Stop a job's sending; it goes on when it is resumed",
                "responses": {"200": \(answer("Job")), "404": \(refused), "409": \(refused), \(refusals)}}
            },
            "\(Routes.resume("{job}"))": {
              "parameters": [\(parameter)],
              "post": {"operationId": "resume", "summary": "Let a paused job go on when it is its turn",
                "responses": {"200": \(answer("Job")), "404": \(refused), "409": \(refused), \(refusals)}}
            },
            "\(Routes.cancel("{job}"))": {
              "parameters": [\(parameter)],
              "post": {"operationId": "cancel", "summary": "End a job; what it has found is kept",
                "responses": {"200": \(answer("Job")), "404": \(refused), "409": \(refused), \(refusals)}}
            },
            "\(Routes.retry("{job}"))": {
              "parameters": [\(parameter)],
              "post": {"operationId": "retry", "summary": "Submit a job over what this one, which is over, has left untested",
                "responses": {"201": \(answer("Job")), "404": \(refused), "409": \(refused), "422": \(refused), "429": \(refused), \(refusals)}}
            },
            "\(Routes.events("{job}"))": {
              "parameters": [\(parameter)],
              "get": {"operationId": "events", "summary": "The job now, at each change and some times a second while it runs; ends with the job",
                "responses": {"200": \(stream("Job")), "404": \(refused), "409": \(refused), \(refusals)}}
            },
            "\(Routes.findings("{job}"))": {
              "parameters": [\(parameter)],
              "get": {"operationId": "findings", "summary": "The job's findings so far, ordered by address and port",
                "responses": {"200": \(stream("Finding", "HostFinding")), "404": \(refused), "409": \(refused), \(refusals)}}
            }
          },
          "components": {"schemas": \(OpenAPISchemas.text)}
        }
        """

    private static let parameter = """
        {"name": "job", "in": "path", "required": true, "description": "a job's id, or a name: then the latest job of that name, your own where you have one; or uid/name",
                "schema": {"type": "string", "pattern": "^([0-9]{1,10}/)?[A-Za-z0-9._-]{1,64}$"}}
        """

    private static let request = """
        {"required": true, "content": {"application/json": {"schema": \(reference("JobRequest"))}}}
        """

    private static let change = """
        {"required": true, "content": {"application/json": {"schema": \(reference("JobChange"))}}}
        """

    private static let refused = """
        {"description": "refused", "content": {"application/json": {"schema": \(reference("Refusal"))}}}
        """

    /// What every path can answer.
    private static let refusals = "\"403\": \(refused), \"429\": \(refused), \"500\": \(refused), \"503\": \(refused)"

    /// What every path that takes a job request can answer besides.
    private static let badRequests = "\"400\": \(refused), \"413\": \(refused), \"422\": \(refused)"

    private static func reference(_ schema: String) -> String { "{\"$ref\": \"#/components/schemas/\(schema)\"}" }

    private static func answer(_ schema: String) -> String {
        "{\"description\": \"\(schema)\", \"content\": {\"application/json\": {\"schema\": \(reference(schema))}}}"
    }

    private static func stream(_ schemas: String...) -> String {
        let references = schemas.map(reference).joined(separator: ", ")
        let schema = schemas.count == 1 ? references : "{\"oneOf\": [\(references)]}"
        let line = schemas.joined(separator: " or ")
        return "{\"description\": \"one \(line) a line\", \"content\": {\"application/x-ndjson\": {\"schema\": \(schema)}}}"
    }
}
