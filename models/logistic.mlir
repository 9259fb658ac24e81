// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Softmax regression 784 -> 10: one step of gradient descent, and the prediction.
//
//   logits = x w + b            p = softmax(logits)        loss = mean(-log p[label])
//   g = (p - onehot) / batch    dw = x^T g   db = sum g    w -= lr dw   b -= lr db

#matrix = affine_map<(i, j) -> (i, j)>
#rows = affine_map<(i, j) -> (i)>
#columns = affine_map<(i, j) -> (j)>
#vector = affine_map<(i) -> (i)>
#scalar2 = affine_map<(i, j) -> ()>
#scalar1 = affine_map<(i) -> ()>

func.func @step(
    %w: tensor<784x10xf32> {prec.name = "w", prec.role = "weight", prec.init = "normal:0.01"},
    %b: tensor<10xf32> {prec.name = "b", prec.role = "weight", prec.init = "zeros"},
    %x: tensor<128x784xf32> {prec.name = "x", prec.role = "input"},
    %labels: tensor<128xi32> {prec.name = "labels", prec.role = "label"},
    %lr: f32 {prec.name = "lr", prec.role = "input"})
    -> (tensor<784x10xf32> {prec.name = "w"}, tensor<10xf32> {prec.name = "b"},
        f32 {prec.name = "loss"}) {
  // Forward: the dense layer.
  %zero = arith.constant {prec.scope = "dense", prec.phase = "forward"} 0.0 : f32
  %matrix = tensor.empty() {prec.scope = "dense", prec.phase = "forward"} : tensor<128x10xf32>
  %cleared = linalg.fill {prec.scope = "dense", prec.phase = "forward"}
      ins(%zero : f32) outs(%matrix : tensor<128x10xf32>) -> tensor<128x10xf32>
  %xw = linalg.matmul {prec.scope = "dense", prec.phase = "forward"}
      ins(%x, %w : tensor<128x784xf32>, tensor<784x10xf32>)
      outs(%cleared : tensor<128x10xf32>) -> tensor<128x10xf32>
  %logits = linalg.generic {
      indexing_maps = [#matrix, #columns, #matrix], iterator_types = ["parallel", "parallel"]}
      ins(%xw, %b : tensor<128x10xf32>, tensor<10xf32>) outs(%matrix : tensor<128x10xf32>)
      attrs = {prec.scope = "dense", prec.phase = "forward"} {
  ^body(%p: f32, %c: f32, %out: f32):
    %sum = arith.addf %p, %c : f32
    linalg.yield %sum : f32
  } -> tensor<128x10xf32>

  // Forward: the loss. The maximum starts from the first column: no infinity is needed.
  %first = tensor.extract_slice %logits[0, 0] [128, 1] [1, 1]
      {prec.scope = "loss", prec.phase = "forward"} : tensor<128x10xf32> to tensor<128xf32>
  %max = linalg.generic {
      indexing_maps = [#matrix, #rows], iterator_types = ["parallel", "reduction"]}
      ins(%logits : tensor<128x10xf32>) outs(%first : tensor<128xf32>)
      attrs = {prec.scope = "loss", prec.phase = "forward"} {
  ^body(%v: f32, %acc: f32):
    %m = arith.maximumf %acc, %v : f32
    linalg.yield %m : f32
  } -> tensor<128xf32>
  %shifted = linalg.generic {
      indexing_maps = [#matrix, #rows, #matrix], iterator_types = ["parallel", "parallel"]}
      ins(%logits, %max : tensor<128x10xf32>, tensor<128xf32>)
      outs(%matrix : tensor<128x10xf32>)
      attrs = {prec.scope = "loss", prec.phase = "forward"} {
  ^body(%v: f32, %m: f32, %out: f32):
    %d = arith.subf %v, %m : f32
    linalg.yield %d : f32
  } -> tensor<128x10xf32>
  %exp = linalg.generic {
      indexing_maps = [#matrix, #matrix], iterator_types = ["parallel", "parallel"]}
      ins(%shifted : tensor<128x10xf32>) outs(%matrix : tensor<128x10xf32>)
      attrs = {prec.scope = "loss", prec.phase = "forward"} {
  ^body(%v: f32, %out: f32):
    %e = math.exp %v : f32
    linalg.yield %e : f32
  } -> tensor<128x10xf32>
  %row = tensor.empty() {prec.scope = "loss", prec.phase = "forward"} : tensor<128xf32>
  %row_zero = linalg.fill {prec.scope = "loss", prec.phase = "forward"}
      ins(%zero : f32) outs(%row : tensor<128xf32>) -> tensor<128xf32>
  %sum = linalg.generic {
      indexing_maps = [#matrix, #rows], iterator_types = ["parallel", "reduction"]}
      ins(%exp : tensor<128x10xf32>) outs(%row_zero : tensor<128xf32>)
      attrs = {prec.scope = "loss", prec.phase = "forward"} {
  ^body(%v: f32, %acc: f32):
    %s = arith.addf %acc, %v : f32
    linalg.yield %s : f32
  } -> tensor<128xf32>
  %log = linalg.generic {
      indexing_maps = [#vector, #vector], iterator_types = ["parallel"]}
      ins(%sum : tensor<128xf32>) outs(%row : tensor<128xf32>)
      attrs = {prec.scope = "loss", prec.phase = "forward"} {
  ^body(%v: f32, %out: f32):
    %l = math.log %v : f32
    linalg.yield %l : f32
  } -> tensor<128xf32>
  // log p where the column is the label, zero elsewhere.
  %picked = linalg.generic {
      indexing_maps = [#matrix, #rows, #rows, #matrix], iterator_types = ["parallel", "parallel"]}
      ins(%shifted, %log, %labels : tensor<128x10xf32>, tensor<128xf32>, tensor<128xi32>)
      outs(%matrix : tensor<128x10xf32>)
      attrs = {prec.scope = "loss", prec.phase = "forward"} {
  ^body(%v: f32, %l: f32, %label: i32, %out: f32):
    %none = arith.constant 0.0 : f32
    %logp = arith.subf %v, %l : f32
    %j = linalg.index 1 : index
    %column = arith.index_cast %j : index to i32
    %is_label = arith.cmpi eq, %column, %label : i32
    %p = arith.select %is_label, %logp, %none : f32
    linalg.yield %p : f32
  } -> tensor<128x10xf32>
  %cell = tensor.empty() {prec.scope = "loss", prec.phase = "forward"} : tensor<f32>
  %cell_zero = linalg.fill {prec.scope = "loss", prec.phase = "forward"}
      ins(%zero : f32) outs(%cell : tensor<f32>) -> tensor<f32>
  %total = linalg.generic {
      indexing_maps = [#matrix, #scalar2], iterator_types = ["reduction", "reduction"]}
      ins(%picked : tensor<128x10xf32>) outs(%cell_zero : tensor<f32>)
      attrs = {prec.scope = "loss", prec.phase = "forward"} {
  ^body(%v: f32, %acc: f32):
    %s = arith.addf %acc, %v : f32
    linalg.yield %s : f32
  } -> tensor<f32>
  %likelihood = tensor.extract %total[]
      {prec.scope = "loss", prec.phase = "forward"} : tensor<f32>
  %batch = arith.constant {prec.scope = "loss", prec.phase = "forward"} 128.0 : f32
  %negated = arith.negf %likelihood {prec.scope = "loss", prec.phase = "forward"} : f32
  %loss = arith.divf %negated, %batch
      {prec.scope = "loss", prec.phase = "forward", prec.role = "loss"} : f32

  // Backward.
  %g = linalg.generic {
      indexing_maps = [#matrix, #rows, #rows, #scalar2, #matrix],
      iterator_types = ["parallel", "parallel"]}
      ins(%exp, %sum, %labels, %batch
          : tensor<128x10xf32>, tensor<128xf32>, tensor<128xi32>, f32)
      outs(%matrix : tensor<128x10xf32>)
      attrs = {prec.scope = "loss", prec.phase = "backward", prec.role = "gradient"} {
  ^body(%e: f32, %s: f32, %label: i32, %n: f32, %out: f32):
    %none = arith.constant 0.0 : f32
    %one = arith.constant 1.0 : f32
    %p = arith.divf %e, %s : f32
    %j = linalg.index 1 : index
    %column = arith.index_cast %j : index to i32
    %is_label = arith.cmpi eq, %column, %label : i32
    %target = arith.select %is_label, %one, %none : f32
    %error = arith.subf %p, %target : f32
    %mean = arith.divf %error, %n : f32
    linalg.yield %mean : f32
  } -> tensor<128x10xf32>
  %w_shape = tensor.empty() {prec.scope = "dense", prec.phase = "backward"} : tensor<784x10xf32>
  %w_zero = linalg.fill {prec.scope = "dense", prec.phase = "backward"}
      ins(%zero : f32) outs(%w_shape : tensor<784x10xf32>) -> tensor<784x10xf32>
  %dw = linalg.generic {
      indexing_maps = [affine_map<(i, j, k) -> (k, i)>, affine_map<(i, j, k) -> (k, j)>,
                       affine_map<(i, j, k) -> (i, j)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %g : tensor<128x784xf32>, tensor<128x10xf32>)
      outs(%w_zero : tensor<784x10xf32>)
      attrs = {prec.scope = "dense", prec.phase = "backward", prec.role = "weight-gradient"} {
  ^body(%a: f32, %c: f32, %acc: f32):
    %p = arith.mulf %a, %c : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<784x10xf32>
  %b_shape = tensor.empty() {prec.scope = "dense", prec.phase = "backward"} : tensor<10xf32>
  %b_zero = linalg.fill {prec.scope = "dense", prec.phase = "backward"}
      ins(%zero : f32) outs(%b_shape : tensor<10xf32>) -> tensor<10xf32>
  %db = linalg.generic {
      indexing_maps = [#matrix, #columns], iterator_types = ["reduction", "parallel"]}
      ins(%g : tensor<128x10xf32>) outs(%b_zero : tensor<10xf32>)
      attrs = {prec.scope = "dense", prec.phase = "backward", prec.role = "weight-gradient"} {
  ^body(%v: f32, %acc: f32):
    %s = arith.addf %acc, %v : f32
    linalg.yield %s : f32
  } -> tensor<10xf32>

  // Update.
  %w_new = linalg.generic {
      indexing_maps = [#matrix, #matrix, #scalar2, #matrix],
      iterator_types = ["parallel", "parallel"]}
      ins(%w, %dw, %lr : tensor<784x10xf32>, tensor<784x10xf32>, f32)
      outs(%w_shape : tensor<784x10xf32>)
      attrs = {prec.scope = "dense", prec.phase = "update", prec.role = "state"} {
  ^body(%v: f32, %d: f32, %rate: f32, %out: f32):
    %move = arith.mulf %rate, %d : f32
    %next = arith.subf %v, %move : f32
    linalg.yield %next : f32
  } -> tensor<784x10xf32>
  %b_new = linalg.generic {
      indexing_maps = [#vector, #vector, #scalar1, #vector], iterator_types = ["parallel"]}
      ins(%b, %db, %lr : tensor<10xf32>, tensor<10xf32>, f32)
      outs(%b_shape : tensor<10xf32>)
      attrs = {prec.scope = "dense", prec.phase = "update", prec.role = "state"} {
  ^body(%v: f32, %d: f32, %rate: f32, %out: f32):
    %move = arith.mulf %rate, %d : f32
    %next = arith.subf %v, %move : f32
    linalg.yield %next : f32
  } -> tensor<10xf32>
  return %w_new, %b_new, %loss : tensor<784x10xf32>, tensor<10xf32>, f32
}

func.func @predict(
    %w: tensor<784x10xf32> {prec.name = "w", prec.role = "weight"},
    %b: tensor<10xf32> {prec.name = "b", prec.role = "weight"},
    %x: tensor<?x784xf32> {prec.name = "x", prec.role = "input"})
    -> (tensor<?x10xf32> {prec.name = "logits"}) {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x784xf32>
  %zero = arith.constant {prec.scope = "dense", prec.phase = "eval"} 0.0 : f32
  %matrix = tensor.empty(%rows) {prec.scope = "dense", prec.phase = "eval"} : tensor<?x10xf32>
  %cleared = linalg.fill {prec.scope = "dense", prec.phase = "eval"}
      ins(%zero : f32) outs(%matrix : tensor<?x10xf32>) -> tensor<?x10xf32>
  %xw = linalg.matmul {prec.scope = "dense", prec.phase = "eval"}
      ins(%x, %w : tensor<?x784xf32>, tensor<784x10xf32>)
      outs(%cleared : tensor<?x10xf32>) -> tensor<?x10xf32>
  %logits = linalg.generic {
      indexing_maps = [#matrix, #columns, #matrix], iterator_types = ["parallel", "parallel"]}
      ins(%xw, %b : tensor<?x10xf32>, tensor<10xf32>) outs(%matrix : tensor<?x10xf32>)
      attrs = {prec.scope = "dense", prec.phase = "eval"} {
  ^body(%p: f32, %c: f32, %out: f32):
    %sum = arith.addf %p, %c : f32
    linalg.yield %sum : f32
  } -> tensor<?x10xf32>
  return %logits : tensor<?x10xf32>
}
