// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How long each kernel of compiled code takes, and what it does meanwhile.
//
// Code made by prec-profile-kernels calls prec_profile_begin and
// prec_profile_end around each kernel. They count into the Profile of which a
// Recording lives in their thread; without one they do nothing.
//
// Cost: two readings of a clock a kernel, 0.1 us together.
//
// Threads: a Recording is its thread's; kernels that run on several threads are
// timed by the one that calls.
#ifndef PREC_EXECUTION_PROFILE_H
#define PREC_EXECUTION_PROFILE_H

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>
#include <vector>

namespace mlir::prec {

class Profile {
public:
  struct Kernel {
    std::string entry, name;
    unsigned bits = 0; ///< of its floats
    uint64_t calls = 0;
    double seconds = 0, least = 0; ///< all calls, the shortest
    double flops = 0, bytes = 0;   ///< of all calls
    bool knowsFlops = true;
  };
  struct Entry {
    std::string name;
    uint64_t calls = 0;
    double seconds = 0;
  };
  /// One call of a kernel or, if `kernel` is -1, of the entry.
  struct Event {
    int kernel;
    unsigned entry;
    double start, seconds; ///< since the profile began
    double flops, bytes;
  };

  /// Keeps single events too, the first `mostEvents`.
  explicit Profile(size_t mostEvents = 0);

  const std::vector<Kernel> &kernels() const { return allKernels; }
  const std::vector<Entry> &entries() const { return allEntries; }
  const std::vector<Event> &events() const { return allEvents; }
  /// Events that came after the first `mostEvents`.
  uint64_t lostEvents() const { return lost; }

  /// Makes this thread's calls count into a profile.
  class Recording {
  public:
    explicit Recording(Profile &profile);
    ~Recording();
    Recording(const Recording &) = delete;

  private:
    Profile *before;
  };

  /// A call of an entry, from its construction on.
  class Call {
  public:
    explicit Call(llvm::StringRef entry);
    ~Call();
    Call(const Call &) = delete;

  private:
    Profile *profile;
    unsigned entry = 0;
    double start = 0;
  };

  void begin(const char *text, int64_t flops, int64_t bytes, int64_t bits);
  void end();

private:
  double now() const;
  void keep(const Event &event);

  struct Open {
    unsigned kernel;
    double start;
    int64_t flops, bytes;
  };
  double origin = 0;
  size_t mostEvents;
  uint64_t lost = 0;
  std::vector<Kernel> allKernels;
  std::vector<Entry> allEntries;
  std::vector<Event> allEvents;
  std::vector<Open> open;
  llvm::StringMap<unsigned> known; // by entry, zero, name
};

/// The symbol prec_profile_begin: `text` is the entry's name and the kernel's,
/// each with a zero at its end; `flops` is -1 where nobody knows.
void profileBegin(const char *text, int64_t flops, int64_t bytes, int64_t bits);
/// The symbol prec_profile_end.
void profileEnd();

} // namespace mlir::prec

#endif // PREC_EXECUTION_PROFILE_H
