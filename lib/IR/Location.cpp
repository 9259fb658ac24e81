// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A place in the user's file as one line of text.
#include "prec/IR/Location.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

std::string mlir::prec::describe(Location location) {
  return llvm::TypeSwitch<LocationAttr, std::string>(location)
      .Case([](FileLineColLoc loc) {
        return llvm::formatv("{0}:{1}:{2}", loc.getFilename().getValue(),
                             loc.getLine(), loc.getColumn())
            .str();
      })
      .Case([](NameLoc loc) {
        std::string place = describe(loc.getChildLoc());
        return place.empty() ? loc.getName().str() : place;
      })
      .Case([](FusedLoc loc) {
        return loc.getLocations().empty() ? std::string()
                                          : describe(loc.getLocations()[0]);
      })
      .Case([](CallSiteLoc loc) { return describe(loc.getCallee()); })
      .Default([](LocationAttr) { return std::string(); });
}
