// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a training run goes: rates, losses that are not finite, patience, epochs,
// measures of a step.
#include "Expect.h"
#include "TrainerFunctions.h"
#include "prec/Execution/Trainer.h"
#include <cmath>

using namespace mlir::prec;
using namespace mlir::prec::test;

namespace {

TEST(Trainer, LossesThatAreNotFiniteAreReported) {
  DataSet set = numbers();
  Seen seen;
  TrainerOptions options = quiet();
  options.steps = 3;
  Trainer trainer = llvm::cantFail(Trainer::create(
      stepOf(seen, 4,
             [](uint32_t at) {
               return at == 0 ? 1.0f : at == 1 ? -INFINITY : NAN;
             }),
      predictOf(seen, -1), set, options));
  TrainingState state = valueOf(trainer.initialState());
  TemporaryFolder folder;
  TrainingLog log = llvm::cantFail(TrainingLog::open(folder / "log"));
  TrainingResult result = valueOf(trainer.run(state, &log));
  EXPECT_EQ(result.firstNonFinite, 1u);
  auto lines = linesOf(folder / "log");
  EXPECT_EQ(lines[0].getNumber("loss"), 1);
  EXPECT_EQ(lines[1].getNull("loss"), nullptr);
  EXPECT_EQ(lines[1].getString("loss_is"), "-inf");
  EXPECT_EQ(lines[2].getString("loss_is"), "nan");
}

TEST(Trainer, ALineForSeveralSteps) {
  DataSet set = numbers();
  Seen seen;
  TrainerOptions options = quiet();
  options.steps = 12;
  options.logEvery = 4;
  options.evalEvery = 6;
  Trainer trainer = llvm::cantFail(Trainer::create(
      stepOf(seen, 4, [](uint32_t at) { return float(at * at); }),
      predictOf(seen, -1), set, options));
  TrainingState state = valueOf(trainer.initialState());
  TemporaryFolder folder;
  TrainingLog log = llvm::cantFail(TrainingLog::open(folder / "log"));
  TrainingResult result = valueOf(trainer.run(state, &log));
  EXPECT_EQ(result.last.loss, 121);
  auto lines = linesOf(folder / "log");
  // Each fourth step, each sixth, which is evaluated, and the last.
  struct Line {
    int64_t step, steps;
    double loss;
    bool isEvaluated;
  };
  const Line expected[] = {{3, 4, 14.0 / 4, false},
                           {5, 2, 41.0 / 2, true},
                           {7, 2, 85.0 / 2, false},
                           {11, 4, (64 + 81 + 100 + 121) / 4.0, true}};
  ASSERT_EQ(lines.size(), std::size(expected));
  for (auto [line, want] : llvm::zip(lines, expected)) {
    EXPECT_EQ(line.getInteger("step"), want.step);
    EXPECT_EQ(line.getInteger("steps"), want.steps);
    EXPECT_EQ(line.getNumber("loss"), want.loss);
    EXPECT_EQ(line.getNumber("test_accuracy").has_value(), want.isEvaluated);
  }
}

TEST(Trainer, EachStepHasALineOnceALossIsNotFinite) {
  DataSet set = numbers();
  Seen seen;
  TrainerOptions options = quiet();
  options.steps = 8;
  options.logEvery = 4;
  options.logEpochs = true;
  Trainer trainer = llvm::cantFail(Trainer::create(
      stepOf(seen, 1, [](uint32_t at) { return at == 5 ? NAN : float(at); }),
      predictOf(seen, -1), set, options));
  TrainingState state = valueOf(trainer.initialState());
  TemporaryFolder folder;
  TrainingLog log = llvm::cantFail(TrainingLog::open(folder / "log"));
  ASSERT_EQ(valueOf(trainer.run(state, &log)).firstNonFinite, 5u);
  std::vector<std::optional<double>> losses;
  std::vector<std::optional<int64_t>> steps;
  for (const llvm::json::Object &line : linesOf(folder / "log")) {
    losses.push_back(line.getNumber("loss"));
    steps.push_back(line.getInteger("steps"));
  }
  // The last line is the epoch's.
  EXPECT_THAT(losses,
              testing::ElementsAre(1.5, 4, std::nullopt, 6, 7, std::nullopt));
  EXPECT_THAT(steps, testing::ElementsAre(4, 1, 1, 1, 1, 8));
}

TEST(Trainer, TheFirstOneMayEndTheRun) {
  DataSet set = numbers();
  for (bool goesOn : {false, true}) {
    Seen seen;
    TrainerOptions options = quiet();
    options.steps = 200;
    int calls = 0;
    options.onNonFinite = [&](const Trainer &,
                              NonFinite found) -> llvm::Expected<bool> {
      ++calls;
      EXPECT_EQ(found.step, 150u);
      EXPECT_TRUE(std::isnan(found.loss));
      // The last snapshot of finite numbers.
      EXPECT_EQ(found.before.done, 128u);
      EXPECT_NEAR(found.before.tensors[0].span<float>()[0], 14.8f, 1e-4);
      return goesOn;
    };
    Trainer trainer = llvm::cantFail(Trainer::create(
        stepOf(seen, 4, [](uint32_t at) { return at < 150 ? 1.0f : NAN; }),
        predictOf(seen, -1), set, options));
    TrainingState state = valueOf(trainer.initialState());
    TrainingResult result = valueOf(trainer.run(state, nullptr));
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(result.stoppedAtNonFinite, !goesOn);
    EXPECT_FALSE(result.interrupted);
    EXPECT_EQ(seen.steps.size(), goesOn ? 200u : 151u);
  }
}

TEST(Trainer, TheRateFollowsItsSchedule) {
  DataSet set = numbers();
  Seen seen;
  TrainerOptions options = quiet();
  options.steps = 4;
  options.learningRate.base = 1;
  llvm::cantFail(options.learningRate.setSchedule("step:2:0.5"));
  Trainer trainer = llvm::cantFail(
      Trainer::create(stepOf(seen, 4), predictOf(seen, -1), set, options));
  TrainingState state = valueOf(trainer.initialState());
  TemporaryFolder folder;
  TrainingLog log = llvm::cantFail(TrainingLog::open(folder / "log"));
  valueOf(trainer.run(state, &log));
  EXPECT_EQ(state.tensors[0].span<float>()[0], 2 + 1 + 1 + 0.5f + 0.5f);
  EXPECT_EQ(linesOf(folder / "log")[3].getNumber("learning_rate"), 0.5);
}

TEST(Trainer, PatienceEndsARunAndTheStateRemembers) {
  DataSet set = numbers();
  Seen seen;
  TrainerOptions options = quiet();
  options.steps = 100;
  options.evalEvery = 3;
  options.patience = 2; // the accuracy is the same in each evaluation
  options.logEpochs = true;
  Trainer trainer = llvm::cantFail(
      Trainer::create(stepOf(seen, 4), predictOf(seen, -1), set, options));
  TrainingState state = valueOf(trainer.initialState());
  TemporaryFolder folder;
  TrainingLog log = llvm::cantFail(TrainingLog::open(folder / "log"));
  int saved = 0;
  auto save = [&](const TrainingState &now) {
    saved = int(now.done);
    return llvm::Error::success();
  };
  TrainingResult result = valueOf(trainer.run(state, &log, save));
  EXPECT_TRUE(result.stoppedEarly);
  EXPECT_FALSE(result.interrupted);
  EXPECT_EQ(state.done, 9u);
  EXPECT_EQ(saved, 9);
  EXPECT_EQ(state.bestDone, 3u);
  EXPECT_EQ(state.bestScore, 0.8);
  // Resumed, it has ended already.
  EXPECT_TRUE(valueOf(trainer.run(state, &log, save)).stoppedEarly);
  EXPECT_EQ(state.done, 9u);
  // Lines of the epochs 0 to 3, two steps each, behind their last step's.
  std::vector<llvm::json::Object> lines = linesOf(folder / "log");
  ASSERT_EQ(lines.size(), 9u + 4u);
  for (size_t epoch = 0; epoch < 4; ++epoch) {
    llvm::json::Object &line = lines[3 * epoch + 2];
    EXPECT_EQ(line.getString("kind"), "epoch");
    EXPECT_EQ(line.getInteger("epoch"), int64_t(epoch));
    EXPECT_EQ(line.getInteger("steps"), 2);
    double sum = *lines[3 * epoch].getNumber("loss") +
                 *lines[3 * epoch + 1].getNumber("loss");
    EXPECT_EQ(line.getNumber("mean_loss"), sum / 2);
  }
}

/// Results behind the loss.
Callable measuring(Seen &seen, ValueInfo info,
                   const std::function<Tensor()> &make) {
  Callable step = stepOf(seen, 4);
  step.signature.results.push_back(std::move(info));
  step.call = [call = step.call,
               make](llvm::ArrayRef<Tensor *> arguments,
                     uint32_t at) -> llvm::Expected<std::vector<Tensor>> {
    auto results = call(arguments, at);
    results->push_back(make());
    return results;
  };
  return step;
}

TEST(Trainer, MeasuresGoToTheLog) {
  DataSet set = numbers();
  Seen seen;
  TrainerOptions options = quiet();
  options.steps = 1;
  TemporaryFolder folder;
  auto lineWith = [&](ValueInfo info, const std::function<Tensor()> &make) {
    Trainer trainer =
        llvm::cantFail(Trainer::create(measuring(seen, std::move(info), make),
                                       predictOf(seen, -1), set, options));
    TrainingState state = valueOf(trainer.initialState());
    TrainingLog log = llvm::cantFail(TrainingLog::open(folder / "log"));
    valueOf(trainer.run(state, &log));
    EXPECT_EQ(state.tensors.size(), 1u);
    return linesOf(folder / "log").front();
  };
  auto line = lineWith(value("gradient_squares/a/b", DType::F64, {}),
                       [] { return Tensor::scalar(9.0); });
  EXPECT_EQ(line.getObject("gradient_norms")->getNumber("a/b"), 3);
  line = lineWith(value("gradient_squares/a", DType::F64, {}),
                  [] { return Tensor::scalar(double(NAN)); });
  EXPECT_EQ(line.getObject("gradient_norms")->getNull("a"), nullptr);
  line = lineWith(value("rounding/a", DType::I64, {4}),
                  [] { return Tensor::of<int64_t>({4}, {8, 1, 2, 4}); });
  llvm::json::Object *shares =
      line.getObject("rounding_shares")->getObject("a");
  EXPECT_EQ(shares->getNumber("overflow"), 0.125);
  EXPECT_EQ(shares->getNumber("underflow"), 0.25);
  EXPECT_EQ(shares->getNumber("saturation"), 0.5);
  line = lineWith(value("rounding/a", DType::I64, {3}),
                  [] { return Tensor::of<int64_t>({3}, {0, 0, 0}); });
  shares = line.getObject("rounding_shares")->getObject("a");
  EXPECT_EQ(shares->getNumber("overflow"), 0);
  EXPECT_EQ(shares->get("saturation"), nullptr);
}

TEST(Trainer, OtherResultsBehindTheLossAreRefused) {
  DataSet set = numbers();
  Seen seen;
  for (const ValueInfo &info :
       {value("gradient_squares/a", DType::F32, {}),
        value("rounding/a", DType::I64, {5}), value("more", DType::F64, {})}) {
    std::string message = messageOf(Trainer::create(
        measuring(seen, info, [] { return Tensor::scalar(1.0); }),
        predictOf(seen, -1), set, quiet()));
    EXPECT_NE(message.find("found 4 arguments and 3"), std::string::npos);
  }
}

TEST(Trainer, TheBestIsKeptOnce) {
  DataSet set = numbers();
  Seen seen;
  TrainerOptions options = quiet();
  options.steps = 9;
  options.evalEvery = 3;
  std::vector<uint64_t> best, saved;
  options.saveBest = [&](const TrainingState &now) {
    best.push_back(now.done);
    return llvm::Error::success();
  };
  options.saveEvery = 100;
  auto save = [&](const TrainingState &now) {
    saved.push_back(now.done);
    return llvm::Error::success();
  };
  Trainer trainer = llvm::cantFail(
      Trainer::create(stepOf(seen, 4), predictOf(seen, -1), set, options));
  TrainingState state = valueOf(trainer.initialState());
  valueOf(trainer.run(state, nullptr, save));
  // The accuracy is the same in each evaluation.
  EXPECT_EQ(best, std::vector<uint64_t>{3});
  EXPECT_EQ(saved, (std::vector<uint64_t>{3, 9}));
}

} // namespace
