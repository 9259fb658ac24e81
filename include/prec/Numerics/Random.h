// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// THE random bits: stateless hashes of (seed, site, step) and of a position.
//
//     key  = mix64(seed, site key, step)          once per site and call
//     word = h32(key, position)                   32 bits for one rounding
//
// Nothing is stored and nothing is drawn in order, so the bits do not depend on
// threads, tiles, vector width or fusion. docs/numerics.md has definitions,
// known answers and what the words lack; the functions never change.
//
// mix64 and hash64 use David Stafford's 13th variant of the murmur finaliser
// (as SplitMix64 does), h32 Chris Wellons' hash-prospector constants with a key
// half injected before each of its two multiplications' mixing.
#ifndef PREC_NUMERICS_RANDOM_H
#define PREC_NUMERICS_RANDOM_H

#include "prec/Numerics/Word.h"

#include <string_view>

namespace mlir::prec {

/// The increment of SplitMix64; keeps 0 from being a fixed point.
inline constexpr uint64_t goldenGamma = 0x9e3779b97f4a7c15;
/// What distinguishes the two words of a contraction's operands.
inline constexpr uint64_t contractionKeyA = 0x9e3779b97f4a7c15; // c1
inline constexpr uint64_t contractionKeyB = 0xd1b54a32d192ed03; // c2
/// Multiplies a position's high word before it joins the key.
inline constexpr uint32_t positionHighFactor = 0x9e3779b9;

/// A bijection of 64-bit words in which every input bit flips every output bit
/// with probability close to one half. Ops has width 64.
template <WordOps Ops>
typename Ops::Word scramble64(Ops &ops, typename Ops::Word x) {
  auto c = [&](uint64_t value) { return ops.constant(value); };
  x = ops.add(x, c(goldenGamma));
  x = ops.mul(ops.bitXor(x, ops.lshr(x, c(30))), c(0xbf58476d1ce4e5b9));
  x = ops.mul(ops.bitXor(x, ops.lshr(x, c(27))), c(0x94d049bb133111eb));
  return ops.bitXor(x, ops.lshr(x, c(31)));
}

/// The key of a site in one step. Ops has width 64.
template <WordOps Ops>
typename Ops::Word mix64(Ops &ops, typename Ops::Word seed,
                         typename Ops::Word siteKey, typename Ops::Word step) {
  auto x = scramble64(ops, seed);
  x = scramble64(ops, ops.bitXor(x, siteKey));
  return scramble64(ops, ops.bitXor(x, step));
}

/// The random word at a position below 2^32. Ops has width 32; the halves of
/// the key are usually loop invariant. Ten operations, two of them multiplies.
template <WordOps Ops>
typename Ops::Word h32(Ops &ops, typename Ops::Word keyLow,
                       typename Ops::Word keyHigh,
                       typename Ops::Word position) {
  auto c = [&](uint64_t value) { return ops.constant(value); };
  auto x = ops.bitXor(position, keyLow);
  x = ops.mul(ops.bitXor(x, ops.lshr(x, c(16))), c(0x21f0aaad));
  x = ops.add(x, keyHigh);
  x = ops.mul(ops.bitXor(x, ops.lshr(x, c(15))), c(0x735a2d97));
  return ops.bitXor(x, ops.lshr(x, c(15)));
}

/// The key's high half for positions with this high word: the same half if that
/// is 0. Ops has width 32.
template <WordOps Ops>
typename Ops::Word joinPosition(Ops &ops, typename Ops::Word keyHigh,
                                typename Ops::Word positionHigh) {
  return ops.bitXor(keyHigh,
                    ops.mul(positionHigh, ops.constant(positionHighFactor)));
}

/// The machine faces.
inline uint64_t mix64(uint64_t seed, uint64_t siteKey, uint64_t step) {
  MachineOps<uint64_t> ops;
  return mix64(ops, seed, siteKey, step);
}
inline uint32_t h32(uint64_t key, uint64_t position) {
  MachineOps<uint32_t> ops;
  uint32_t high = joinPosition(ops, uint32_t(key >> 32), position >> 32);
  return h32(ops, uint32_t(key), high, uint32_t(position));
}
/// The word of a contraction: elements at `positionA` and `positionB` of the
/// operands meet. The product's rounding takes the low half, the sum's the
/// high.
inline uint32_t contractionWord(uint64_t key, uint64_t positionA,
                                uint64_t positionB) {
  return h32(key ^ contractionKeyA, positionA) ^
         h32(key ^ contractionKeyB, positionB);
}

/// A hash of a sequence of strings and integers, for site keys:
/// `Hash64().add("main").add(3).value()`. A string counts its length, so ("ab",
/// "c") and ("a", "bc") differ.
class Hash64 {
public:
  Hash64 &add(uint64_t number) {
    MachineOps<uint64_t> ops;
    state = scramble64(ops, state ^ number);
    return *this;
  }
  /// FNV-1a over the bytes, then the length.
  Hash64 &add(std::string_view text) {
    for (char byte : text)
      state = (state ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    return add(text.size());
  }
  uint64_t value() const { return state; }

private:
  uint64_t state = 0xcbf29ce484222325;
};

/// Hash64 of all arguments in order.
template <class... Ts> constexpr uint64_t hash64(const Ts &...parts) {
  Hash64 hash;
  (hash.add(parts), ...);
  return hash.value();
}

} // namespace mlir::prec

#endif // PREC_NUMERICS_RANDOM_H
