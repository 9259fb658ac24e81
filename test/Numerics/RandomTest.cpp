// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The random bits: the known answers of docs/numerics.md (computed by an
// independent Python text), avalanche, and uniformity at fixed seeds.
#include "prec/Numerics/Random.h"

#include <gtest/gtest.h>

#include <vector>

using namespace mlir::prec;

// B-KNOWN: these values never change.
TEST(Random, KnownAnswers) {
  // The first output of SplitMix64 with this seed, as published.
  MachineOps<uint64_t> ops;
  EXPECT_EQ(scramble64(ops, uint64_t(1234567)), 6457827717110365317u);

  const uint64_t all = ~uint64_t(0), key = 0x0123456789abcdef;
  EXPECT_EQ(mix64(0, 0, 0), 0x238275bc38fcbe91u);
  EXPECT_EQ(mix64(1, 0, 0), 0xb18a02f46d8d86c3u);
  EXPECT_EQ(mix64(0, 1, 0), 0x44e5b98100c67fb0u);
  EXPECT_EQ(mix64(0, 0, 1), 0x2f32a78496c67c60u);
  EXPECT_EQ(mix64(42, key, 7), 0x21a539f060ce6d2du);
  EXPECT_EQ(mix64(0xffffffff, all, 0xffffffff), 0x2302f44762d47030u);

  EXPECT_EQ(h32(0, 0), 0u);
  EXPECT_EQ(h32(0, 1), 0x86d2fa73u);
  EXPECT_EQ(h32(uint64_t(1) << 32, 0), 0x735acb23u);
  EXPECT_EQ(h32(key, 0), 0xa20fcdcdu);
  EXPECT_EQ(h32(key, 1), 0xd411c8bcu);
  EXPECT_EQ(h32(key, 0xffffffff), 0xda81fc42u);
  EXPECT_EQ(h32(key, uint64_t(1) << 32), 0xd9bdf131u);
  EXPECT_EQ(h32(key, 0x1200000034), 0x634cc2f1u);
  EXPECT_EQ(contractionWord(key, 5, 9), 0x3da1c5b9u);

  EXPECT_EQ(hash64(), 0xcbf29ce484222325u);
  EXPECT_EQ(hash64(""), 0xc3817c016ba4ff30u);
  EXPECT_EQ(hash64("main"), 0xdae12dd9dc85a524u);
  EXPECT_EQ(hash64("main", "forward", "features/conv1", 3, "activation"),
            0x917f27e6feeb43e7u);
  EXPECT_EQ(hash64("ab", "c"), 0x5869d58bab1e399du);
  EXPECT_EQ(hash64("a", "bc"), 0x3e3fc1b29bf7360du);
  EXPECT_EQ(hash64(-1), 0x30ef66c3e79dda4eu);
}

namespace {
/// Flips of each output bit for each flipped input bit must be binomial with
/// p = 1/2: the largest deviation over all pairs stays below `limit`.
template <class Function>
double worstAvalanche(unsigned inputBits, unsigned outputBits, unsigned samples,
                      Function hash) {
  std::vector<unsigned> flips(outputBits);
  double worst = 0;
  for (unsigned in = 0; in < inputBits; ++in) {
    std::fill(flips.begin(), flips.end(), 0);
    for (unsigned s = 0; s < samples; ++s) {
      uint64_t difference = hash(s, uint64_t(0)) ^ hash(s, uint64_t(1) << in);
      for (unsigned out = 0; out < outputBits; ++out)
        flips[out] += (difference >> out) & 1;
    }
    for (unsigned count : flips)
      worst = std::max(worst, std::fabs(count / double(samples) - 0.5));
  }
  return worst;
}

/// (chi-square - degrees) / sqrt(2 degrees): a standard normal deviate.
double deviate(const std::vector<unsigned> &counts, double expected) {
  double chi = 0;
  for (unsigned count : counts)
    chi += (count - expected) * (count - expected) / expected;
  double degrees = double(counts.size()) - 1;
  return (chi - degrees) / std::sqrt(2 * degrees);
}
} // namespace

// B-AVALANCHE. 20000 samples have sigma 0.0035; the maximum over 64 * 64 pairs
// of a perfect function is about 3.9 sigma.
TEST(Random, AvalancheOfMix64) {
  const unsigned samples = 20000;
  auto seed = [](unsigned s, uint64_t x) { return mix64(s ^ x, 5, 9); };
  auto site = [](unsigned s, uint64_t x) {
    return mix64(7, (s * goldenGamma) ^ x, 9);
  };
  auto step = [](unsigned s, uint64_t x) { return mix64(7, 5, s ^ x); };
  EXPECT_LT(worstAvalanche(64, 64, samples, seed), 0.0185);
  EXPECT_LT(worstAvalanche(64, 64, samples, site), 0.0185);
  EXPECT_LT(worstAvalanche(32, 64, samples, step), 0.0185);
}

// B-AVALANCHE of the cheap hash: positions and the low half of the key,
// averaged over random keys as in use. A bit of the high half meets one
// multiplication only; keys come out of mix64, so its bits never change alone.
TEST(Random, AvalancheOfH32) {
  const unsigned samples = 20000;
  auto position = [](unsigned s, uint64_t x) {
    return h32(mix64(1, s, 0), s ^ x);
  };
  auto low = [](unsigned s, uint64_t x) { return h32(mix64(1, s, 0) ^ x, s); };
  EXPECT_LT(worstAvalanche(32, 32, samples, position), 0.02);
  EXPECT_LT(worstAvalanche(32, 32, samples, low), 0.02);
}

// B-UNIFORM: top bytes, halves and pairs of neighbours over consecutive
// positions, strided positions and steps; chi-square within 4.5 sigma.
TEST(Random, UniformAtFixedSeeds) {
  const unsigned N = 1 << 18;
  for (uint64_t seed = 0; seed < 12; ++seed)
    for (uint64_t stride : {1u, 28u, 784u, 4096u}) {
      uint64_t key = mix64(seed, hash64("x"), 0);
      std::vector<unsigned> low(4096), high(4096), pairs(4096), steps(4096);
      uint32_t last = 0;
      for (unsigned i = 0; i < N; ++i) {
        uint32_t word = h32(key, i * stride);
        ++low[(word >> 4) & 4095];
        ++high[word >> 20];
        if (i & 1)
          ++pairs[(word >> 26) << 6 | last >> 26];
        last = word;
        ++steps[h32(mix64(seed, stride, i >> 4), i & 15) >> 20];
      }
      EXPECT_LT(std::fabs(deviate(low, N / 4096.0)), 4.5);
      EXPECT_LT(std::fabs(deviate(high, N / 4096.0)), 4.5);
      EXPECT_LT(std::fabs(deviate(pairs, N / 8192.0)), 4.5);
      EXPECT_LT(std::fabs(deviate(steps, N / 4096.0)), 4.5);
    }
}

// B-SITES: the words of two sites, or of two steps, at one position are
// uncorrelated: sign agreement of centred halves over many pairs of keys.
TEST(Random, SitesAndStepsAreUncorrelated) {
  const unsigned N = 1 << 20;
  double sites = 0, steps = 0, operands = 0, highHalves = 0;
  auto centred = [](uint32_t word) { return (word >> 16) - 32767.5; };
  for (unsigned i = 0; i < N; ++i) {
    uint64_t key = mix64(3, i >> 8, 0);
    double word = centred(h32(key, i & 255));
    sites += word * centred(h32(mix64(3, (i >> 8) + 1, 0), i & 255));
    steps += word * centred(h32(mix64(3, i >> 8, 1), i & 255));
    uint64_t otherHigh = mix64(3, i >> 8, 2) << 32 | uint32_t(key);
    highHalves += word * centred(h32(otherHigh, i & 255));
    operands += centred(h32(key ^ contractionKeyA, i & 255)) *
                centred(h32(key ^ contractionKeyB, i & 255));
  }
  double sigma = 65536.0 * 65536.0 / 12 * std::sqrt(N);
  EXPECT_LT(std::fabs(sites), 4.5 * sigma);
  EXPECT_LT(std::fabs(steps), 4.5 * sigma);
  EXPECT_LT(std::fabs(highHalves), 4.5 * sigma);
  EXPECT_LT(std::fabs(operands), 4.5 * sigma);
}
