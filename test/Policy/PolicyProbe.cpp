// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Answers questions of the Python tests, one a line, fields parted by tabs:
//   glob PATTERN TEXT                 1, 0, or the error
//   select SELECTOR function phase scope role op class name     the same
//   flags NAME=VALUE...               the policy on one line, or the error
#include "prec/Policy/PolicyBuilder.h"
#include "prec/Policy/PolicyJson.h"

#include <iostream>

using namespace mlir::prec;
using llvm::StringRef;

static std::string oneLine(std::string text) {
  for (char &c : text)
    if (c == '\n')
      c = ' ';
  return text;
}

static std::string flags(llvm::ArrayRef<StringRef> arguments) {
  PolicyBuilder builder(PolicyBuilder::Options{.allowSweep = true});
  for (StringRef argument : arguments) {
    auto [flag, value] = argument.split('=');
    if (llvm::Error error = builder.apply(flag, value))
      return "error: " + llvm::toString(std::move(error));
  }
  llvm::Expected<Policy> policy = builder.finish();
  if (!policy)
    return "error: " + llvm::toString(policy.takeError());
  return writePolicy(*policy);
}

static std::string answer(llvm::ArrayRef<StringRef> fields) {
  if (fields[0] == "glob" && fields.size() == 3) {
    llvm::Expected<Glob> glob = Glob::parse(fields[1]);
    return glob ? std::to_string(glob->matches(fields[2]))
                : "error: " + llvm::toString(glob.takeError());
  }
  if (fields[0] == "select" && fields.size() == 9) {
    llvm::Expected<Selector> selector = Selector::parse(fields[1]);
    if (!selector)
      return "error: " + llvm::toString(selector.takeError());
    SiteView site{fields[2], fields[3], fields[4], fields[5],
                  fields[6], fields[7], fields[8]};
    return std::to_string(selector->matches(site));
  }
  if (fields[0] == "flags")
    return flags(fields.drop_front());
  return "error: unknown question";
}

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    llvm::SmallVector<StringRef> fields;
    StringRef(line).split(fields, '\t');
    std::cout << oneLine(answer(fields)) << '\n';
  }
}
