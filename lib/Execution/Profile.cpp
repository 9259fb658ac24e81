// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How long each kernel of compiled code takes, and what it does meanwhile.
#include "prec/Execution/Profile.h"

#include "llvm/ADT/STLExtras.h"
#include <chrono>
#include <cstring>

using namespace mlir::prec;

static thread_local Profile *current = nullptr;

static double clockSeconds() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

Profile::Profile(size_t mostEvents)
    : origin(clockSeconds()), mostEvents(mostEvents) {}

double Profile::now() const { return clockSeconds() - origin; }

void Profile::keep(const Event &event) {
  if (allEvents.size() < mostEvents)
    allEvents.push_back(event);
  else
    ++lost;
}

/// The number of the entry of this name, a new one at first.
static unsigned numberOf(std::vector<Profile::Entry> &entries,
                         llvm::StringRef name) {
  auto found = llvm::find_if(
      entries, [&](const Profile::Entry &entry) { return entry.name == name; });
  if (found == entries.end()) {
    entries.push_back({name.str()});
    return unsigned(entries.size() - 1);
  }
  return unsigned(found - entries.begin());
}

void Profile::begin(const char *text, int64_t flops, int64_t bytes,
                    int64_t bits) {
  size_t entryLength = std::strlen(text);
  llvm::StringRef name(text + entryLength + 1);
  llvm::StringRef whole(text, entryLength + 1 + name.size());
  auto [at, isNew] = known.try_emplace(whole, unsigned(allKernels.size()));
  if (isNew) {
    Kernel kernel;
    kernel.entry = std::string(text, entryLength);
    kernel.name = name.str();
    kernel.bits = unsigned(bits);
    allKernels.push_back(std::move(kernel));
  }
  open.push_back({at->second, now(), flops, bytes});
}

void Profile::end() {
  double stop = now();
  if (open.empty())
    return;
  Open call = open.back();
  open.pop_back();
  Kernel &kernel = allKernels[call.kernel];
  double seconds = stop - call.start;
  kernel.least = kernel.calls ? std::min(kernel.least, seconds) : seconds;
  ++kernel.calls;
  kernel.seconds += seconds;
  kernel.bytes += double(call.bytes);
  if (call.flops < 0)
    kernel.knowsFlops = false;
  else
    kernel.flops += double(call.flops);
  keep({int(call.kernel), numberOf(allEntries, kernel.entry), call.start,
        seconds, double(call.flops), double(call.bytes)});
}

Profile::Recording::Recording(Profile &profile) : before(current) {
  current = &profile;
}

Profile::Recording::~Recording() { current = before; }

Profile::Call::Call(llvm::StringRef name) : profile(current) {
  if (!profile)
    return;
  entry = numberOf(profile->allEntries, name);
  start = profile->now();
}

Profile::Call::~Call() {
  if (!profile)
    return;
  double seconds = profile->now() - start;
  Entry &called = profile->allEntries[entry];
  ++called.calls;
  called.seconds += seconds;
  profile->open.clear();
  profile->keep({-1, entry, start, seconds, 0, 0});
}

void mlir::prec::profileBegin(const char *text, int64_t flops, int64_t bytes,
                              int64_t bits) {
  if (current)
    current->begin(text, flops, bytes, bits);
}

void mlir::prec::profileEnd() {
  if (current)
    current->end();
}
