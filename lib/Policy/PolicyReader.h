// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a JSON tree to a policy. Every fault of a file is reported, not only the
// first.
#ifndef PREC_LIB_POLICY_POLICYREADER_H
#define PREC_LIB_POLICY_POLICYREADER_H

#include "PolicyFiles.h"
#include "prec/Json/JsonReader.h"

namespace mlir::prec {

/// Reads one file.
class PolicyReader : JsonReader {
public:
  PolicyReader(const JsonSource &source, PolicyFiles &files)
      : JsonReader(source), files(files) {}

  llvm::Expected<Policy> read(const JsonNode &root) {
    readRoot({&root, ""});
    if (llvm::Error faults = takeFaults(root))
      return faults;
    return std::move(policy);
  }

private:
  void readRoot(const JsonAt &at);
  void readInclude(const JsonAt &at);
  void readParameter(const JsonAt &at, llvm::StringRef name);
  void readPoints(const JsonAt &at, Schedule &schedule);
  void readPlateau(const JsonAt &at, Parameter &parameter);
  void readOverflow(const JsonAt &at, Parameter &parameter);
  /// The parameter of that name; a fault if there is none.
  const Parameter *findParameter(const JsonAt &at, llvm::StringRef name);
  /// Does it suit the `?` that it is for?
  void checkParameter(const JsonAt &at, const Parameter &parameter,
                      const Action &action,
                      const Action::RuntimeNumber &number);
  void checkRange(const JsonAt &at, const Parameter &parameter, double low,
                  double high, const llvm::Twine &what);
  /// One of the numbers that a driven parameter has, as f32 holds it.
  bool readSingle(const JsonAt &at, llvm::StringRef key, double &value);
  /// A number that a parameter may have.
  bool readValue(const JsonAt &at, double &value);
  void readParameters(const JsonAt &at, Action &action);
  void readNumber(const JsonAt &at, llvm::StringRef key, int64_t low,
                  int64_t high, int64_t &value);
  void readRule(const JsonAt &at, size_t number);
  void readAction(const JsonAt &at, Action &action);

  PolicyFiles &files;
  Policy policy;
};

} // namespace mlir::prec

#endif // PREC_LIB_POLICY_POLICYREADER_H
