/* The mathematics that ScanCore needs of the C library, and nothing else of it. */
#ifndef CMATH_SHIM_H
#define CMATH_SHIM_H

static inline double cmath_exp(double x) { return __builtin_exp(x); }
static inline double cmath_log(double x) { return __builtin_log(x); }
static inline double cmath_pow(double x, double y) { return __builtin_pow(x, y); }
static inline double cmath_cos(double x) { return __builtin_cos(x); }
static inline double cmath_lgamma(double x) { return __builtin_lgamma(x); }

#endif
