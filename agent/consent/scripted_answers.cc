#include "agent/consent/scripted_answers.h"

#include "policies/loading/strict_yaml.h"

namespace agent::consent {
namespace {

std::optional<contract::Choice> choice_at(policies::loading::Section& root, std::string_view key) {
  if (!root.has(key)) return std::nullopt;
  return root.one_of<contract::Choice>(
      key, {{"accept", contract::Choice::Accepted}, {"decline", contract::Choice::Declined}});
}

}  // namespace

Result<ScriptedAnswers> scripted_answers_from(std::string_view yaml, std::string_view source) {
  Result<policies::loading::StrictYaml> parsed = policies::loading::StrictYaml::parse(yaml, std::string(source));
  if (!parsed) return std::move(parsed).error();
  policies::loading::Section root = parsed->root();
  ScriptedAnswers answers;
  answers.terms = choice_at(root, "terms");
  answers.renewal = choice_at(root, "renewal");
  answers.name = root.text_or("name", "");
  Done whole = parsed->finish();
  if (!whole) return whole.error();
  return answers;
}

}  // namespace agent::consent
