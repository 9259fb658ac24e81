// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a training run goes: rates, losses that are not finite, patience, epochs.
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
  EXPECT_EQ(state.bestAccuracy, 0.8);
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

} // namespace
