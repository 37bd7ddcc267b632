// Writes the intent and the outcome of each step into the journal, around the step.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "provision/disk/apply.h"
#include "provision/run/journal.h"
#include "provision/run/ports.h"

namespace provision::run {

class Recorder final : public disk::StepWitness {
 public:
  // Both must outlive it.
  Recorder(Journal& journal, RunPorts& ports) : journal_(journal), ports_(ports) {}

  Done begins(const disk::Step& step) override;
  Done ended(const disk::Step& step) override;

  Done fact(std::string name, std::map<std::string, std::string> facts);
  // Intent, act, outcome. An act that fails leaves its failure in the journal, as far as the journal can still be
  // written.
  Done step(const std::string& name, const std::string& text, const std::function<Done()>& act);
  // A failure that concerns the run as a whole.
  Error failed(const std::string& name, Error error);

  // True when the last intent of this step has no outcome after it.
  [[nodiscard]] bool was_cut(std::string_view name) const;
  // What was done by this process, in order, for people.
  [[nodiscard]] const std::vector<std::string>& done() const { return done_; }

 private:
  Journal& journal_;
  RunPorts& ports_;
  std::vector<std::string> done_;
};

// The journal's name for a step on a disk: "write-table", "format-ext4 2".
std::string name_of(const disk::Step& step);

// The texts of all steps that this journal says were done, in order, each step once however often it was repeated: what
// a receipt lists.
std::vector<std::string> steps_done(const Journal& journal);

}  // namespace provision::run
