// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A libFuzzer target for the policy reader: any bytes give a policy or an
// error, and a policy that was read is written and read back unchanged.
#include "prec/Policy/PolicyJson.h"

#include <cstdlib>

using namespace mlir::prec;

// The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  if (text.contains("include")) // reads files, which bytes must not choose
    return 0;
  llvm::Expected<Policy> policy = readPolicy(text, "fuzz");
  if (!policy) {
    llvm::consumeError(policy.takeError());
    return 0;
  }
  llvm::Expected<Policy> again = readPolicy(writePolicy(*policy), "fuzz");
  if (!again || !(*again == *policy))
    std::abort();
  return 0;
}
