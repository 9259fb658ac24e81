// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiled objects on disk, so that the same program is compiled once.
//
// Content-addressed: the key is a hash of everything that decides the object,
// so an entry is never out of date. A file is
//
//   "PRECOBJ1"   BLAKE3 of the object (32 bytes)   the object
//
// written under another name and renamed, so that several processes may use one
// folder. An entry that is damaged counts as absent and is replaced. When the
// folder exceeds its limit, entries that were not used for longest go first.
#ifndef PREC_EXECUTION_OBJECTCACHE_H
#define PREC_EXECUTION_OBJECTCACHE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <string>

namespace mlir::prec {

class ObjectCache {
public:
  ObjectCache(std::string directory, uint64_t limitBytes)
      : directory(std::move(directory)), limitBytes(limitBytes) {}

  /// $XDG_CACHE_HOME/prec-opt, else $HOME/.cache/prec-opt, else "".
  static std::string defaultDirectory();
  /// The key of these parts, in order, as hexadecimal text.
  static std::string key(llvm::ArrayRef<llvm::StringRef> parts);

  /// The object, or null when there is none or it is damaged.
  std::unique_ptr<llvm::MemoryBuffer> load(llvm::StringRef key) const;
  /// Errors: the folder cannot be made or written.
  llvm::Error store(llvm::StringRef key, llvm::StringRef object) const;
  /// Where an entry lies.
  std::string path(llvm::StringRef key) const;

private:
  void trim(llvm::StringRef keep) const;

  std::string directory;
  uint64_t limitBytes;
};

} // namespace mlir::prec

#endif // PREC_EXECUTION_OBJECTCACHE_H
