// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which buffers of compiled code live at one time, and which of them when most
// bytes do.
#include "prec/Execution/LiveBuffers.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <cstring>

using namespace mlir::prec;

static thread_local LiveBuffers *current = nullptr;

LiveBuffers::Recording::Recording(LiveBuffers &buffers) : before(::current) {
  ::current = &buffers;
}

LiveBuffers::Recording::~Recording() { ::current = before; }

LiveBuffers::Call::Call(llvm::StringRef name,
                        llvm::ArrayRef<Tensor *> arguments)
    : buffers(::current) {
  if (!buffers)
    return;
  std::vector<Entry> &entries = buffers->allEntries;
  auto found = llvm::find_if(
      entries, [&](const Entry &known) { return known.name == name; });
  entry = size_t(found - entries.begin());
  if (found == entries.end()) {
    entries.emplace_back();
    entries.back().name = name.str();
  }
  Entry &called = entries[entry];
  ++called.calls;
  uint64_t bytes = 0;
  for (const Tensor *argument : arguments)
    bytes += argument->byteSize();
  called.argumentBytes = std::max(called.argumentBytes, bytes);
  buffers->current = entry;
  buffers->live.clear();
  buffers->liveBytes = 0;
}

void LiveBuffers::Call::setResults(llvm::ArrayRef<Tensor> results) {
  if (!buffers)
    return;
  uint64_t bytes = 0;
  for (const Tensor &result : results)
    bytes += result.byteSize();
  uint64_t &most = buffers->allEntries[entry].resultBytes;
  most = std::max(most, bytes);
}

LiveBuffers::Call::~Call() {
  if (buffers)
    buffers->live.clear();
}

void LiveBuffers::add(const char *text, int64_t address, int64_t width) {
  const char *owner = text + std::strlen(text) + 1;
  llvm::StringRef type(owner + std::strlen(owner) + 1);
  if (allEntries.empty())
    return;
  Buffer buffer{owner, "", uint64_t(width)};
  llvm::SmallVector<llvm::StringRef> parts;
  type.split(parts, 'x');
  llvm::ArrayRef<int64_t> unknown = sizes;
  for (llvm::StringRef part : llvm::ArrayRef(parts).drop_back()) {
    int64_t extent = 0;
    if (part == "?" && !unknown.empty()) {
      extent = unknown.front();
      unknown = unknown.drop_front();
    } else {
      part.getAsInteger(10, extent);
    }
    buffer.shape += std::to_string(extent) + "x";
    buffer.bytes *= uint64_t(extent);
  }
  buffer.shape += parts.back();
  sizes.clear();
  liveBytes += buffer.bytes;
  live[address] = std::move(buffer);
  Entry &entry = allEntries[current];
  if (liveBytes <= entry.peakBytes)
    return;
  entry.peakBytes = liveBytes;
  entry.atPeak.clear();
  for (const auto &[place, other] : live)
    entry.atPeak.push_back(other);
  llvm::sort(entry.atPeak, [](const Buffer &a, const Buffer &b) {
    return std::tie(b.bytes, a.owner, a.shape) <
           std::tie(a.bytes, b.owner, b.shape);
  });
}

void LiveBuffers::remove(int64_t address) {
  auto found = live.find(address);
  if (found == live.end())
    return;
  liveBytes -= found->second.bytes;
  live.erase(found);
}

void mlir::prec::bufferSize(int64_t extent) {
  if (::current)
    ::current->addSize(extent);
}

void mlir::prec::bufferLive(const char *text, int64_t address, int64_t width) {
  if (::current)
    ::current->add(text, address, width);
}

void mlir::prec::bufferDead(int64_t address) {
  if (::current)
    ::current->remove(address);
}
