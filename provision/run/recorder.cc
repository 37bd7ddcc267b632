#include "provision/run/recorder.h"

#include <fmt/format.h>

#include <set>

namespace provision::run {

std::string name_of(const disk::Step& step) {
  const std::string_view kind = disk::name_of(step.kind);
  return step.partition == 0 ? std::string(kind) : fmt::format("{} {}", kind, step.partition);
}

Done Recorder::begins(const disk::Step& step) {
  ports_.progress.begins(step.text);
  return journal_.add({EntryKind::Intent, name_of(step), {{"text", step.text}}, ports_.clock.now()});
}

Done Recorder::ended(const disk::Step& step) {
  done_.push_back(step.text);
  return journal_.add({EntryKind::Outcome, name_of(step), {{"text", step.text}}, ports_.clock.now()});
}

Done Recorder::fact(std::string name, std::map<std::string, std::string> facts) {
  return journal_.add({EntryKind::Fact, std::move(name), std::move(facts), ports_.clock.now()});
}

Done Recorder::step(const std::string& name, const std::string& text, const std::function<Done()>& act) {
  ports_.progress.begins(text);
  if (Done begun = journal_.add({EntryKind::Intent, name, {{"text", text}}, ports_.clock.now()}); !begun) return begun;
  if (Done acted = act(); !acted) return failed(name, acted.error().within(text));
  done_.push_back(text);
  return journal_.add({EntryKind::Outcome, name, {{"text", text}}, ports_.clock.now()});
}

Error Recorder::failed(const std::string& name, Error error) {
  Done written = journal_.add({EntryKind::Failure, name, {{"reason", error.text()}, {"cause", std::string(policies::vocabulary::name_of(error.code))}}, ports_.clock.now()});
  // The first failure is what people need to hear; that the journal failed as well only adds to it.
  if (!written)
    return std::move(error).within("(and the journal could not be written: " + written.error().message + ")");
  return error;
}

bool Recorder::was_cut(std::string_view name) const {
  bool cut = false;
  for (const Entry& entry : journal_.entries()) {
    if (entry.step != name) continue;
    if (entry.kind == EntryKind::Intent) cut = true;
    if (entry.kind == EntryKind::Outcome) cut = false;
  }
  return cut;
}

std::vector<std::string> steps_done(const Journal& journal) {
  std::vector<std::string> texts;
  std::set<std::string> seen;
  for (const Entry& entry : journal.entries()) {
    const auto text = entry.facts.find("text");
    if (entry.kind == EntryKind::Outcome && text != entry.facts.end() && seen.insert(entry.step).second)
      texts.push_back(text->second);
  }
  return texts;
}

}  // namespace provision::run
