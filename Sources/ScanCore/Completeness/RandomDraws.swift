import CMath

/// Random numbers from the distributions that the estimates need; the same for the same seed.
package struct RandomDraws {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// SplitMix64 (Steele, Lea & Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z &>> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z &>> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z &>> 31
    }

    /// Above 0 and below 1.
    package mutating func uniform() -> Double {
        (Double(next() >> 12) + 0.5) * 0x1p-52
    }

    /// Box and Muller's.
    package mutating func normal() -> Double {
        (-2 * cmath_log(uniform())).squareRoot() * cmath_cos(2 * .pi * uniform())
    }

    /// Scale 1, `shape` above 0 (Marsaglia & Tsang, "A Simple Method for Generating Gamma Variables", 2000).
    mutating func gamma(_ shape: Double) -> Double {
        if shape < 1 { return gamma(shape + 1) * cmath_pow(uniform(), 1 / shape) }
        let d = shape - 1 / 3.0
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = normal()
            let v = 1 + c * x
            guard v > 0 else { continue }
            let cube = v * v * v
            if cmath_log(uniform()) < 0.5 * x * x + d - d * cube + d * cmath_log(cube) { return d * cube }
        }
    }

    mutating func beta(_ a: Double, _ b: Double) -> Double {
        let x = gamma(a)
        return x / (x + gamma(b))
    }

    /// Knuth's method for small means, the normal distribution for large ones, which is near enough for quantiles.
    mutating func poisson(_ mean: Double) -> Double {
        guard mean > 0 else { return 0 }
        guard mean < 64 else { return max(0, (mean + mean.squareRoot() * normal()).rounded()) }
        let limit = cmath_exp(-mean)
        var count = 0.0
        var product = uniform()
        while product > limit {
            product *= uniform()
            count += 1
        }
        return count
    }

    /// How often it fails before `successes` (any number above 0) have come, each with the chance `chance`.
    mutating func negativeBinomial(_ successes: Double, _ chance: Double) -> Double {
        let chance = min(max(chance, 1e-9), 1)
        return poisson(gamma(successes) * (1 - chance) / chance)
    }
}
