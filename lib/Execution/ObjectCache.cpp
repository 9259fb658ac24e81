// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A folder of checked files with a bound on their size.
#include "prec/Execution/ObjectCache.h"

#include "prec/Execution/Files.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>

using namespace mlir::prec;
using llvm::StringRef;

static constexpr StringRef kMagic("PRECOBJ1");
static constexpr StringRef kEnding(".precobj");
static constexpr size_t kHeaderSize = 8 + LLVM_BLAKE3_OUT_LEN;

std::string ObjectCache::defaultDirectory() {
  llvm::SmallString<128> path;
  if (const char *cache = std::getenv("XDG_CACHE_HOME"); cache && *cache) {
    path = cache;
  } else if (const char *home = std::getenv("HOME"); home && *home) {
    path = home;
    llvm::sys::path::append(path, ".cache");
  } else {
    return "";
  }
  llvm::sys::path::append(path, "prec-opt");
  return path.str().str();
}

std::string ObjectCache::key(llvm::ArrayRef<StringRef> parts) {
  llvm::BLAKE3 hash;
  for (StringRef part : parts) {
    hash.update(std::to_string(part.size()) + ":");
    hash.update(part);
  }
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

std::string ObjectCache::path(StringRef key) const {
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, key + kEnding);
  return path.str().str();
}

std::unique_ptr<llvm::MemoryBuffer> ObjectCache::load(StringRef key) const {
  std::string name = path(key);
  if (!llvm::sys::fs::exists(name))
    return nullptr;
  llvm::Expected<std::vector<uint8_t>> bytes = readFile(name);
  if (!bytes) {
    llvm::consumeError(bytes.takeError());
    return nullptr;
  }
  StringRef text = llvm::toStringRef(*bytes);
  if (text.size() < kHeaderSize || !text.starts_with(kMagic))
    return nullptr;
  StringRef object = text.drop_front(kHeaderSize);
  auto hash = llvm::BLAKE3::hash(llvm::arrayRefFromStringRef(object));
  if (llvm::toStringRef(hash) != text.slice(kMagic.size(), kHeaderSize))
    return nullptr;
  utimensat(AT_FDCWD, name.c_str(), nullptr, 0); // used now
  return llvm::MemoryBuffer::getMemBufferCopy(object, key);
}

llvm::Error ObjectCache::store(StringRef key, StringRef object) const {
  if (std::error_code error = llvm::sys::fs::create_directories(directory))
    return llvm::createStringError("cannot make the cache folder '" +
                                   directory + "': " + error.message());
  auto hash = llvm::BLAKE3::hash(llvm::arrayRefFromStringRef(object));
  std::string bytes = kMagic.str();
  bytes += llvm::toStringRef(hash);
  bytes += object;
  if (llvm::Error error =
          writeFile(path(key), llvm::arrayRefFromStringRef(bytes)))
    return error;
  trim(path(key));
  return llvm::Error::success();
}

void ObjectCache::trim(StringRef keep) const {
  struct Entry {
    std::string path;
    uint64_t bytes;
    llvm::sys::TimePoint<> used;
  };
  std::vector<Entry> entries;
  uint64_t total = 0;
  std::error_code error;
  auto hourAgo = std::chrono::system_clock::now() - std::chrono::hours(1);
  for (llvm::sys::fs::directory_iterator it(directory, error), end;
       !error && it != end; it.increment(error)) {
    llvm::sys::fs::file_status status;
    if (llvm::sys::fs::status(it->path(), status))
      continue; // another process removed it
    StringRef name = llvm::sys::path::filename(it->path());
    auto used = status.getLastModificationTime();
    // What a killed process left half-written.
    if (name.contains(kEnding.str() + ".") && name.ends_with(".tmp") &&
        used < hourAgo)
      llvm::sys::fs::remove(it->path());
    if (!name.ends_with(kEnding))
      continue;
    entries.push_back({it->path(), status.getSize(), used});
    total += status.getSize();
  }
  llvm::sort(entries, [](const Entry &a, const Entry &b) {
    return std::tie(a.used, a.path) < std::tie(b.used, b.path);
  });
  for (const Entry &entry : entries) {
    if (total <= limitBytes)
      break;
    if (entry.path == keep)
      continue;
    llvm::sys::fs::remove(entry.path);
    total -= entry.bytes;
  }
}
