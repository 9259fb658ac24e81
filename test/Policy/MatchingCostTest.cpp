// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What matching costs at the size of a large model under a searched policy, and
// that the fast way decides as the plain one does.
#include "prec/Policy/PolicyMatcher.h"

#include <gtest/gtest.h>

#include <ctime>
#include <random>

using namespace mlir::prec;

namespace {
/// 10,000 sites in 1,250 scopes and 500 rules of all kinds. Only the first
/// rules match, so that every site looks at every rule.
struct LargeModel {
  std::vector<std::string> scopes, names;
  std::vector<SiteView> sites;
  Policy policy;

  LargeModel() {
    const char *ops[] = {"linalg.matmul", "arith.addf", "math.exp",
                         "linalg.conv_2d_nchw_fchw"};
    for (int i = 0; i < 1250; ++i)
      scopes.push_back("encoder/block" + std::to_string(i / 10) +
                       "/attention/head" + std::to_string(i % 10));
    for (int i = 0; i < 10000; ++i)
      names.push_back("value" + std::to_string(i));
    for (int i = 0; i < 10000; ++i)
      sites.push_back({"step", phaseWords[i % 2], scopes[i / 8],
                       roleWords[i % 8], ops[i % 4], opClassWords[i % 4],
                       names[i]});
    add("*");
    add("encoder/block7/**");
    for (int i = 0; policy.rules.size() < 500; ++i) {
      std::string n = std::to_string(i);
      add("encoder/block" + n + "x/**.weight");
      add("**/missing" + n + "*");
      add("scope:encoder/block*/mlp" + n + " & backward");
      add("op:linalg.*x" + n + " | name:value*" + n + "y");
      add("@contraction.product & !encoder/**");
    }
  }
  void add(const std::string &selector) {
    policy.rules.push_back({llvm::cantFail(Selector::parse(selector)), {}, ""});
  }
};
} // namespace

TEST(MatchingCost, TenThousandSitesFiveHundredRules) {
  LargeModel model;
  size_t inBlock7 = 0;
  double best = 1;
  for (int i = 0; i < 3; ++i) {
    inBlock7 = 0;
    std::clock_t start = std::clock();
    PolicyMatcher matcher(model.policy);
    for (const SiteView &site : model.sites)
      inBlock7 += *matcher.match(site);
    best = std::min(best, double(std::clock() - start) / CLOCKS_PER_SEC);
  }
  EXPECT_EQ(inBlock7, 80u);
  std::printf("matching took %.1f ms\n", best * 1e3);
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__)
  EXPECT_LT(best, 0.1);
#endif
}

TEST(MatchingCost, TheFastWayDecidesAsThePlainOne) {
  LargeModel model;
  std::mt19937 random(3);
  auto pick = [&](size_t n) { return random() % n; };
  const char *tests[] = {"**/head1",
                         "weight",
                         "!backward",
                         "@contraction",
                         "math.*",
                         "value1*",
                         "function:st*",
                         "name:*5",
                         "op:arith.*",
                         "scope:encoder/block1?/**",
                         "*"};
  for (int round = 0; round < 20; ++round) {
    model.policy.rules.clear();
    for (int i = 0; i < 10; ++i) {
      auto test = [&] { return std::string(tests[pick(std::size(tests))]); };
      model.add("(" + test() + (pick(2) ? " & " : " | ") + test() + ") & !(" +
                test() + " & " + test() + ")");
    }
    PolicyMatcher matcher(model.policy);
    for (size_t i = 0; i < model.sites.size(); i += 7) {
      const SiteView &site = model.sites[i];
      ASSERT_EQ(matcher.match(site), model.policy.match(site));
      std::vector<size_t> all = model.policy.matches(site);
      ASSERT_EQ(model.policy.match(site),
                all.empty() ? std::nullopt : std::optional(all.back()));
    }
  }
}

TEST(MatchingCost, NoRules) {
  Policy policy;
  EXPECT_EQ(PolicyMatcher(policy).match({}), std::nullopt);
}
