extension PortRanking {
    /// A ranking of our own, for machines without nmap's services file.
    ///
    /// It was not measured. It takes ports that IANA registers for a service, or that widely used server software listens on by default,
    /// and orders them by the project's judgement of how common that software is on servers, network devices and workstations.
    package static let builtIn = PortRanking(
        source: "built-in ranking (\(builtInPorts.count) ports of well-known services, in the project's own order, not measured)",
        ports: builtInPorts)

    private static let builtInPorts: [UInt16] = [
        // Nearly every network: web, shells, desktops, name service, mail, file sharing, the commonest databases.
        80, 443, 22, 445, 3389, 25, 53, 8080, 21, 139, 135, 8443, 3306, 143, 110, 993, 995, 587, 23, 465,
        111, 5432,
        // Directories, printing, virtual desktops, network file systems, remote management, routing, voice.
        389, 636, 88, 631, 9100, 515, 5900, 2049, 548, 1433, 6379, 5985, 5986, 179, 5060, 5061, 1723, 853, 873, 27017,
        // Second homes of the web: proxies, application servers, control panels, development servers.
        8000, 8888, 8081, 3000, 9090, 81, 8008, 8082, 5000, 9000, 8090, 3128, 10000, 8083, 8181, 8880, 8088, 9443, 4443, 10443,
        8001, 8009, 8089, 8444, 8084, 8085, 8087, 7443, 82, 3001, 4200, 5173, 4000, 5001, 8118, 8123, 8834, 9080, 9091, 2082,
        2083, 2086, 2087, 2095, 2096, 7001, 7002, 4848, 9990, 9060, 9043, 5357,
        // Remote procedure calls, Windows domains, old shells and small services.
        593, 464, 3268, 3269, 512, 513, 514, 543, 544, 749, 79, 113, 119, 563, 13, 37, 7, 9, 17, 19,
        43, 49, 70, 102,
        // Databases, caches, search and their clusters.
        1521, 1434, 1526, 3050, 3351, 50000, 5433, 33060, 6380, 27018, 27019, 28017, 11211, 9200, 9300, 5601, 9042, 7000, 7199, 5984,
        8086, 8091, 11210, 7474, 7687, 8529, 28015, 26257, 9160, 5439, 6432, 2483, 2484, 1830,
        // Message brokers, queues, coordination, streaming.
        5672, 5671, 15672, 25672, 4369, 1883, 8883, 61613, 61614, 61616, 8161, 9092, 2181, 2888, 3888, 4222, 6222, 8222, 1414, 5222,
        5223, 5269, 5280, 6667, 6697,
        // Containers, orchestration, service discovery, secrets, builds and packages.
        2375, 2376, 2377, 6443, 10250, 10255, 10256, 2379, 2380, 8500, 8300, 8301, 8600, 4646, 8200, 8201, 9418, 3690, 50051, 8140,
        4505, 4506, 7946, 5044, 8761,
        // Monitoring, logging, backup, management agents, hypervisors.
        9093, 9094, 9115, 9187, 10050, 10051, 5666, 4949, 199, 1311, 6556, 12489, 6514, 601, 9997, 9101, 9102, 9103, 10514, 902,
        903, 8006, 16509, 5988, 5989, 623, 664, 16992, 16993,
        // Tunnels, VPN, proxies, anonymisers, remote desktops of other makers.
        1194, 1080, 8291, 8728, 8729, 9001, 9030, 9050, 9051, 5901, 5902, 5903, 5800, 5938, 7070, 6000, 6001, 1494, 2598, 3283,
        4899, 6568, 4172,
        // Media, cameras, voice, games, storage, smart and industrial devices.
        554, 8554, 1935, 32400, 8096, 7547, 5555, 2000, 2001, 1720, 5038, 3260, 860, 3205, 2811, 24007, 6789, 6800, 3300, 25565,
        27015, 3689, 6881, 51413, 502, 44818, 20000, 4840, 1962, 789, 2404, 5007, 18245, 34962, 62078, 37777, 34567,
    ]
}
