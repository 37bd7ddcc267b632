// Answers from a file, for machines that nobody sits at: rehearsals and tests. YAML:
//   terms: accept      # or decline; absent: no answer
//   renewal: decline   # the answer to every renewal offer; absent: no answer
//   name: Alice Example
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/contract/statements.h"
#include "policies/vocabulary/result.h"

namespace agent::consent {
using namespace policies::vocabulary;

struct ScriptedAnswers {
  std::optional<contract::Choice> terms;
  std::optional<contract::Choice> renewal;
  std::string name;
};

// InvalidInput, with `source`:line:column, for unknown keys and other values.
Result<ScriptedAnswers> scripted_answers_from(std::string_view yaml, std::string_view source);

}  // namespace agent::consent
