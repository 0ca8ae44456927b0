/* Winograd's transforms in one dimension, F(4, 2) at the points 0, 1, -1, 2 and infinity, and F(4, 3) at 0,
 * 1, -1, 2, -2 and infinity (Lavin & Gray 2016, section 4.3; those of F(4, 2) follow from the points as
 * theirs do: A has the powers of the points, B the polynomials that vanish at all the others, G divides by
 * their values). Of 16 channels each; `taps` is a constant. Elements are `apart` vectors from one another. */
#ifndef NN_CPU_WINOGRAD_TRANSFORMS_H
#define NN_CPU_WINOGRAD_TRANSFORMS_H

#include "nn/cpu/winograd_parts.h"

#if WINOGRAD_AVAILABLE

WINOGRAD_INLINE __m512 times(float a, __m512 x)
{
    return _mm512_mul_ps(_mm512_set1_ps(a), x);
}

WINOGRAD_INLINE __m512 plus_times(__m512 sum, float a, __m512 x)
{
    return _mm512_fmadd_ps(_mm512_set1_ps(a), x, sum);
}

/* v = B' d, taps + 3 of both. */
WINOGRAD_INLINE void winograd_inputs(int taps, const __m512 *d, int apart, __m512 *v, int v_apart)
{
    __m512 d1 = d[apart], d2 = d[2 * apart], d3 = d[3 * apart], d4 = d[4 * apart];
    if (taps == 2) {
        __m512 last = _mm512_sub_ps(d3, d1);
        v[0] = plus_times(last, 2, _mm512_sub_ps(d[0], d2));
        v[v_apart] = plus_times(_mm512_sub_ps(d3, d2), -2, d1);
        v[2 * v_apart] = plus_times(plus_times(d3, -3, d2), 2, d1);
        v[3 * v_apart] = last;
        v[4 * v_apart] = plus_times(_mm512_sub_ps(d4, d2), -2, last);
        return;
    }
    __m512 even = plus_times(d4, -4, d2), odd = plus_times(d3, -4, d1);
    __m512 wide_even = _mm512_sub_ps(d4, d2), wide_odd = times(2, _mm512_sub_ps(d3, d1));
    v[0] = plus_times(plus_times(d4, -5, d2), 4, d[0]);
    v[v_apart] = _mm512_add_ps(even, odd);
    v[2 * v_apart] = _mm512_sub_ps(even, odd);
    v[3 * v_apart] = _mm512_add_ps(wide_even, wide_odd);
    v[4 * v_apart] = _mm512_sub_ps(wide_even, wide_odd);
    v[5 * v_apart] = plus_times(plus_times(d[5 * apart], -5, d3), 4, d1);
}

/* y = A' m: 4 outputs of taps + 3 sums. */
WINOGRAD_INLINE void winograd_sums(int taps, const __m512 *m, int apart, __m512 *y, int y_apart)
{
    __m512 even = _mm512_add_ps(m[apart], m[2 * apart]), odd = _mm512_sub_ps(m[apart], m[2 * apart]);
    __m512 wide_even = m[3 * apart], wide_odd = wide_even;
    if (taps == 3) {
        wide_even = _mm512_add_ps(m[3 * apart], m[4 * apart]);
        wide_odd = _mm512_sub_ps(m[3 * apart], m[4 * apart]);
    }
    y[0] = _mm512_add_ps(_mm512_add_ps(m[0], even), wide_even);
    y[y_apart] = plus_times(odd, 2, wide_odd);
    y[2 * y_apart] = plus_times(even, 4, wide_even);
    y[3 * y_apart] = _mm512_add_ps(plus_times(odd, 8, wide_odd), m[(taps + 2) * apart]);
}

/* z = A y: taps + 3 points of 4 outputs' gradients. */
WINOGRAD_INLINE void winograd_outputs(int taps, const __m512 *y, int apart, __m512 *z, int z_apart)
{
    __m512 y1 = y[apart], y2 = y[2 * apart], y3 = y[3 * apart];
    __m512 even = _mm512_add_ps(y[0], y2), odd = _mm512_add_ps(y1, y3);
    __m512 wide_even = plus_times(y[0], 4, y2), wide_odd = times(2, plus_times(y1, 4, y3));
    z[0] = y[0];
    z[z_apart] = _mm512_add_ps(even, odd);
    z[2 * z_apart] = _mm512_sub_ps(even, odd);
    z[3 * z_apart] = _mm512_add_ps(wide_even, wide_odd);
    if (taps == 3) z[4 * z_apart] = _mm512_sub_ps(wide_even, wide_odd);
    z[(taps + 2) * z_apart] = y3;
}

/* u = G g */
WINOGRAD_INLINE void winograd_taps(int taps, const __m512 *g, int apart, __m512 *u, int u_apart)
{
    // cppcheck-suppress uninitvar ; there is at least one tap
    __m512 g0 = g[0], g1 = g[apart];
    if (taps == 2) {
        u[0] = times(1.0F / 2, g0);
        u[u_apart] = times(-1.0F / 2, _mm512_add_ps(g0, g1));
        u[2 * u_apart] = times(1.0F / 6, _mm512_sub_ps(g1, g0));
        u[3 * u_apart] = times(1.0F / 6, plus_times(g0, 2, g1));
        u[4 * u_apart] = g1;
        return;
    }
    __m512 g2 = g[2 * apart], even = _mm512_add_ps(g0, g2), wide_even = plus_times(g0, 4, g2);
    u[0] = times(1.0F / 4, g0);
    u[u_apart] = times(-1.0F / 6, _mm512_add_ps(even, g1));
    u[2 * u_apart] = times(-1.0F / 6, _mm512_sub_ps(even, g1));
    u[3 * u_apart] = times(1.0F / 24, plus_times(wide_even, 2, g1));
    u[4 * u_apart] = times(1.0F / 24, plus_times(wide_even, -2, g1));
    u[5 * u_apart] = g2;
}

/* g = G' u */
WINOGRAD_INLINE void winograd_tap_sums(int taps, const __m512 *u, int apart, __m512 *g, int g_apart)
{
    // cppcheck-suppress uninitvar ; there is at least one point
    __m512 u1 = u[apart], u2 = u[2 * apart], u3 = u[3 * apart], u4 = u[4 * apart];
    if (taps == 2) {
        g[0] = plus_times(times(1.0F / 2, _mm512_sub_ps(u[0], u1)), 1.0F / 6, _mm512_sub_ps(u3, u2));
        g[g_apart] = plus_times(plus_times(u4, -1.0F / 2, u1), 1.0F / 6, plus_times(u2, 2, u3));
        return;
    }
    __m512 near_sum = times(-1.0F / 6, _mm512_add_ps(u1, u2)), far_sum = _mm512_add_ps(u3, u4);
    g[0] = plus_times(plus_times(near_sum, 1.0F / 4, u[0]), 1.0F / 24, far_sum);
    g[g_apart] = plus_times(times(1.0F / 6, _mm512_sub_ps(u2, u1)), 1.0F / 12, _mm512_sub_ps(u3, u4));
    g[2 * g_apart] = plus_times(_mm512_add_ps(near_sum, u[5 * apart]), 1.0F / 6, far_sum);
}

#endif
#endif
