// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Selectors: the examples of the manual, what they match and what they are
// when printed; texts that are refused, and with which words.
#include "prec/Policy/Selector.h"
#include "prec/Words.h"

#include <gmock/gmock.h>

#include <functional>
#include <random>

using namespace mlir::prec;
using testing::AllOf;
using testing::HasSubstr;

namespace {
Selector read(llvm::StringRef text) {
  llvm::Expected<Selector> selector = Selector::parse(text);
  if (selector)
    return *selector;
  ADD_FAILURE() << llvm::toString(selector.takeError());
  return {};
}
std::string errorOf(llvm::StringRef text) {
  llvm::Expected<Selector> selector = Selector::parse(text);
  return selector ? "no error" : llvm::toString(selector.takeError());
}
bool matches(llvm::StringRef text, const SiteView &site) {
  return read(text).matches(site);
}
std::string canonical(llvm::StringRef text) { return read(text).str(); }

SiteView siteOf(Selector::Field field, llvm::StringRef value) {
  SiteView site;
  switch (field) {
  case Selector::Field::Word:
  case Selector::Field::Scope:
    site.scope = value;
    break;
  case Selector::Field::Op:
    site.op = value;
    break;
  case Selector::Field::Name:
    site.name = value;
    break;
  case Selector::Field::Function:
    site.function = value;
    break;
  case Selector::Field::Phase:
    site.phase = value;
    break;
  case Selector::Field::Role:
    site.role = value;
    break;
  case Selector::Field::Class:
    site.opClass = value;
    break;
  }
  return site;
}

const SiteView convWeight{.function = "step",
                          .phase = "forward",
                          .scope = "conv1",
                          .role = "weight",
                          .op = "linalg.conv_2d_nchw_fchw",
                          .opClass = "contraction",
                          .name = "conv1.kernel"};
const SiteView expGradient{.function = "step",
                           .phase = "backward",
                           .scope = "head/softmax",
                           .role = "gradient",
                           .op = "math.exp",
                           .opClass = "elementwise",
                           .name = ""};
} // namespace

TEST(Selector, WordsMatchScopeOpOrName) {
  EXPECT_TRUE(matches("conv*", convWeight));
  EXPECT_TRUE(matches("linalg.*", convWeight));
  EXPECT_TRUE(matches("conv1.kernel", convWeight));
  EXPECT_TRUE(matches("math.exp", expGradient));
  EXPECT_FALSE(matches("exp", expGradient));
  EXPECT_FALSE(matches("step", convWeight));
  EXPECT_TRUE(matches("*", SiteView()));
  EXPECT_TRUE(matches("**", expGradient));
}

TEST(Selector, RoleBehindTheLastDot) {
  EXPECT_TRUE(matches("conv*.weight", convWeight));
  EXPECT_FALSE(matches("conv*.input", convWeight));
  EXPECT_FALSE(matches("fc*.weight", convWeight));
  EXPECT_TRUE(matches("@contraction.weight", convWeight));
  EXPECT_TRUE(matches("linalg.conv_2d_nchw_fchw.weight", convWeight));
  EXPECT_EQ(canonical("conv*.weight"), "conv* & weight");
  EXPECT_EQ(canonical("linalg.matmul"), "linalg.matmul");
  EXPECT_EQ(canonical("scope:a/b.weight-gradient"),
            "scope:a/b & weight-gradient");
  // The part before the dot is a pattern, even where it is a role's word.
  EXPECT_EQ(canonical("input.weight"), "\"input\" & weight");
  // After name: and function: the dot belongs to the name.
  SiteView site = siteOf(Selector::Field::Name, "conv1.weight");
  EXPECT_TRUE(matches("name:conv1.weight", site));
  EXPECT_TRUE(matches("\"conv1.weight\"", site));
  EXPECT_FALSE(matches("conv1.weight", site));
  EXPECT_TRUE(matches("function:f.weight",
                      siteOf(Selector::Field::Function, "f.weight")));
}

TEST(Selector, RolesPhasesAndClassesByTheirWords) {
  using Field = Selector::Field;
  for (std::string_view role : roleWords) {
    EXPECT_TRUE(matches(role, siteOf(Field::Role, role))) << role;
    EXPECT_FALSE(matches(role, siteOf(Field::Name, role))) << role;
  }
  for (std::string_view phase : phaseWords) {
    SiteView site = siteOf(Field::Phase, phase);
    EXPECT_TRUE(matches(phase, site)) << phase;
    EXPECT_TRUE(matches("phase:" + std::string(phase), site)) << phase;
    EXPECT_FALSE(matches(phase, siteOf(Field::Scope, phase))) << phase;
  }
  for (std::string_view word : opClassWords) {
    SiteView site = siteOf(Field::Class, word);
    EXPECT_TRUE(matches("@" + std::string(word), site)) << word;
    EXPECT_TRUE(matches("class:" + std::string(word), site)) << word;
  }
  EXPECT_TRUE(matches("backward.gradient", expGradient));
  EXPECT_TRUE(matches("name:loss", siteOf(Field::Name, "loss")));
  EXPECT_FALSE(matches("name:loss", siteOf(Field::Role, "loss")));
}

TEST(Selector, FieldsLookAtTheirOwn) {
  SiteView site{"a", "forward", "c", "input", "e", "other", "g"};
  for (const char *text :
       {"function:a", "phase:forward", "scope:c", "role:input", "op:e",
        "class:other", "name:g", "c", "e", "g"})
    EXPECT_TRUE(matches(text, site)) << text;
  for (const char *text : {"function:c", "scope:e", "op:g", "name:a", "a",
                           "phase:eval", "role:state", "class:reduction"})
    EXPECT_FALSE(matches(text, site)) << text;
}

TEST(Selector, AndBindsTighterThanOr) {
  EXPECT_TRUE(matches("conv1 | math.* & forward", convWeight));
  EXPECT_TRUE(matches("conv1 | math.* & backward", convWeight));
  EXPECT_FALSE(matches("(conv1 | math.*) & backward", convWeight));
  EXPECT_TRUE(matches("phase:backward & scope:head/**", expGradient));
  EXPECT_TRUE(matches("!conv1", expGradient));
  EXPECT_FALSE(matches("!conv1 & backward", convWeight));
  EXPECT_TRUE(matches("!(conv1 & backward)", convWeight));
  EXPECT_TRUE(matches("!!conv1", convWeight));
  EXPECT_EQ(canonical("a&b|c"), "a & b | c");
  EXPECT_EQ(canonical("a&(b|c)"), "a & (b | c)");
  EXPECT_EQ(canonical("(a | (b | c)) & ((d))"), "(a | b | c) & d");
  EXPECT_EQ(canonical(" ! ( a & b ) "), "!(a & b)");
}

TEST(Selector, QuotesKeepWhatWouldMeanSomething) {
  SiteView site{.function = "",
                .phase = "",
                .scope = "a b",
                .role = "weight",
                .op = "",
                .opClass = "",
                .name = "x|y"};
  EXPECT_TRUE(matches(R"("a b" & name:"x|y")", site));
  EXPECT_TRUE(matches(R"("a b".weight)", site));
  EXPECT_FALSE(matches(R"("a b".input)", site));
  EXPECT_TRUE(matches(R"("a\"b")", siteOf(Selector::Field::Name, "a\"b")));
  EXPECT_TRUE(matches(R"(name:"a\\b")", siteOf(Selector::Field::Name, "a\\b")));
  EXPECT_TRUE(matches(R"("weight")", siteOf(Selector::Field::Scope, "weight")));
  EXPECT_EQ(canonical(R"("weight")"), R"("weight")");
  EXPECT_EQ(canonical(R"("forward")"), R"("forward")");
  EXPECT_EQ(canonical(R"("plain")"), "plain");
  EXPECT_EQ(canonical(R"("a.input")"), R"("a.input")");
  EXPECT_EQ(canonical(R"(name:"a.input")"), "name:a.input");
  EXPECT_EQ(canonical(R"("@a")"), R"("@a")");
  EXPECT_EQ(canonical(R"("a:b")"), R"("a:b")");
}

TEST(Selector, OnlyInsideOperations) {
  for (const char *text : {"product", "@contraction.product", "accumulator",
                           "product | conv1.accumulator", "a & b & product"})
    EXPECT_TRUE(read(text).onlyInsideOperations()) << text;
  for (const char *text : {"*", "weight", "!product", "product | conv1",
                           "name:product", "\"product\"", "!*"})
    EXPECT_FALSE(read(text).onlyInsideOperations()) << text;
}

TEST(Selector, Faults) {
  EXPECT_EQ(errorOf(""),
            "selector '': expected a pattern at column 1, found the end");
  EXPECT_EQ(errorOf("conv1 &"), "selector 'conv1 &': expected a pattern at "
                                "column 8, found the end");
  EXPECT_EQ(errorOf("a b"), "selector 'a b': expected '&', '|' or the end at "
                            "column 3, found 'b'");
  EXPECT_EQ(errorOf("(a | b"),
            "selector '(a | b': expected ')' at column 7, found the end");
  EXPECT_THAT(errorOf("a)"), HasSubstr("column 2, found ')'"));
  EXPECT_THAT(
      errorOf("a & scpe:b"),
      AllOf(HasSubstr("column 5: unknown selector field 'scpe'"),
            HasSubstr("did you mean 'scope'"),
            HasSubstr("scope, op, name, function, phase, role, class")));
  EXPECT_THAT(errorOf("phase:forwrad"),
              AllOf(HasSubstr("unknown phase 'forwrad'"),
                    HasSubstr("did you mean 'forward'")));
  EXPECT_THAT(errorOf("role:wieght"), HasSubstr("did you mean 'weight'"));
  EXPECT_THAT(errorOf("@contractoin"), HasSubstr("did you mean 'contraction'"));
  EXPECT_THAT(errorOf("@contraction.prodct"), HasSubstr("operation class"));
  EXPECT_THAT(errorOf("\"a\".wieght"), HasSubstr("did you mean 'weight'"));
  EXPECT_THAT(errorOf("\"ab"), HasSubstr("a quote without an end at column 1"));
  EXPECT_THAT(errorOf("ab\"c\""), HasSubstr("expected '&', '|' or the end"));
  EXPECT_THAT(errorOf("conv[1"), HasSubstr("not closed"));
  EXPECT_THAT(errorOf("op:"), HasSubstr("expected a pattern at column 4"));
  EXPECT_THAT(errorOf("a\xFF"), HasSubstr("UTF-8"));
}

TEST(Selector, DeepNestingIsRefused) {
  std::string open(10000, '('), close(10000, ')'), nots(10000, '!');
  EXPECT_THAT(errorOf(open + "a" + close),
              HasSubstr("nesting deeper than 100"));
  EXPECT_THAT(errorOf(nots + "a"), HasSubstr("nesting deeper than 100"));
  EXPECT_EQ(canonical(std::string(99, '!') + "a"), std::string(99, '!') + "a");
  EXPECT_THAT(errorOf(std::string(100, '!') + "a"), HasSubstr("nesting"));
  std::string wide = "a";
  for (int i = 0; i < 10000; ++i)
    wide += "|(a)";
  EXPECT_EQ(read(wide).getOperands().size(), 10001u);
}

// What is printed reads back as the same expression.
TEST(Selector, RandomExpressionsRoundTrip) {
  std::mt19937 random(1);
  auto pick = [&](size_t n) { return random() % n; };
  const char *patterns[] = {
      "a",   "*",     "**/b",  "x.weight", "weight", "a b", "!a",        "@a",
      "a:b", "q\"\\", "[!a]b", "update",   "a=b",    "(x",  "loss.input"};
  std::function<Selector(int)> make = [&](int depth) {
    if (depth == 0 || pick(3) == 0) {
      auto field = static_cast<Selector::Field>(pick(8));
      std::string pattern = patterns[pick(std::size(patterns))];
      if (field == Selector::Field::Phase)
        pattern = phaseWords[pick(phaseWords.size())];
      if (field == Selector::Field::Role)
        pattern = roleWords[pick(roleWords.size())];
      if (field == Selector::Field::Class)
        pattern = opClassWords[pick(opClassWords.size())];
      return llvm::cantFail(Selector::test(field, pattern));
    }
    if (pick(3) == 0)
      return Selector::negate(make(depth - 1));
    std::vector<Selector> operands;
    for (size_t i = 0, n = pick(4); i < n; ++i)
      operands.push_back(make(depth - 1));
    return pick(2) ? Selector::all(operands) : Selector::any(operands);
  };
  for (int i = 0; i < 5000; ++i) {
    Selector selector = make(4);
    ASSERT_EQ(read(selector.str()), selector) << selector.str();
  }
}
