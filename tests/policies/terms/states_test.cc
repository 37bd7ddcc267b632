// Goal: nothing happens to a machine or an agreement but what the two tables allow. Method: every pair of state and event is
// held against a second, hand-written list of the lawful steps; what is not on it must be refused.
#include "policies/terms/states.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace policies::terms {
namespace {

using Key = std::pair<std::string, std::string>;

const std::map<Key, std::string> lawful_for_machines = {
    {{"ordered", "provision"}, "provisioned"},       {{"ordered", "decline"}, "declined"},
    {{"provisioned", "enrol"}, "enrolled"},          {{"provisioned", "decline"}, "declined"},
    {{"enrolled", "start-lease"}, "leased"},         {{"enrolled", "decline"}, "declined"},
    {{"leased", "suspend"}, "suspended"},            {{"leased", "start-release"}, "releasing"},
    {{"suspended", "resume"}, "leased"},             {{"suspended", "start-release"}, "releasing"},
    {{"declined", "start-release"}, "releasing"},    {{"releasing", "finish-release"}, "released"},
};

const std::map<Key, std::string> lawful_for_agreements = {
    {{"offered", "accept"}, "accepted"},           {{"offered", "decline"}, "declined"},
    {{"offered", "lapse"}, "lapsed"},              {{"accepted", "activate"}, "active"},
    {{"accepted", "terminate"}, "terminated"},     {{"active", "find-breach"}, "in-breach"},
    {{"active", "near-end"}, "ending"},            {{"active", "terminate"}, "terminated"},
    {{"in-breach", "cure-breach"}, "active"},      {{"in-breach", "discontinue"}, "discontinued"},
    {{"in-breach", "terminate"}, "terminated"},    {{"ending", "renew"}, "renewed"},
    {{"ending", "end"}, "ended"},                  {{"ending", "terminate"}, "terminated"},
    {{"ended", "start-release"}, "releasing"},     {{"declined", "start-release"}, "releasing"},
    {{"discontinued", "start-release"}, "releasing"}, {{"terminated", "start-release"}, "releasing"},
    {{"releasing", "finish-release"}, "released"},
};

template <typename States, typename Events>
void expect_exactly(const std::map<Key, std::string>& lawful, const States& states, const Events& events) {
  std::size_t taken = 0;
  for (const auto state : states)
    for (const auto event : events) {
      const auto outcome = next(state, event);
      const auto expected = lawful.find({std::string(name_of(state)), std::string(name_of(event))});
      SCOPED_TRACE(std::string(name_of(state)) + " + " + std::string(name_of(event)));
      ASSERT_EQ(outcome.has_value(), expected != lawful.end());
      if (outcome) {
        EXPECT_EQ(name_of(*outcome), expected->second);
        ++taken;
      } else {
        EXPECT_EQ(outcome.error().code, ErrorCode::Conflict);
        EXPECT_NE(outcome.error().message.find(name_of(state)), std::string::npos);
        EXPECT_NE(outcome.error().message.find(name_of(event)), std::string::npos);
      }
    }
  EXPECT_EQ(taken, lawful.size());
}

TEST(MachineStates, TakeExactlyTheLawfulSteps) {
  EXPECT_EQ(all_machine_states().size() * all_machine_events().size(), 64U);
  expect_exactly(lawful_for_machines, all_machine_states(), all_machine_events());
}

TEST(AgreementStates, TakeExactlyTheLawfulSteps) {
  EXPECT_EQ(all_agreement_states().size() * all_agreement_events().size(), 169U);
  expect_exactly(lawful_for_agreements, all_agreement_states(), all_agreement_events());
}

TEST(AgreementStates, NeverReachActiveWithoutAnAcceptance) {
  std::set<AgreementState> reached = {AgreementState::Offered};
  for (std::size_t round = 0; round < all_agreement_states().size(); ++round)
    for (const AgreementStep& step : agreement_steps())
      if (step.event != AgreementEvent::Accept && reached.contains(step.from)) reached.insert(step.to);
  EXPECT_FALSE(reached.contains(AgreementState::Active));
  EXPECT_FALSE(reached.contains(AgreementState::Accepted));
}

TEST(MachineStates, EveryStateButTheLastCanEndInRelease) {
  std::set<MachineState> ends = {MachineState::Released};
  for (std::size_t round = 0; round < all_machine_states().size(); ++round)
    for (const MachineStep& step : machine_steps())
      if (ends.contains(step.to)) ends.insert(step.from);
  EXPECT_EQ(ends.size(), all_machine_states().size());
}

TEST(States, ReadTheirNamesBack) {
  std::set<std::string_view> names;
  for (const MachineState state : all_machine_states()) {
    EXPECT_EQ(*machine_state_from(name_of(state)), state);
    names.insert(name_of(state));
  }
  EXPECT_EQ(names.size(), all_machine_states().size());
  names.clear();
  for (const AgreementState state : all_agreement_states()) {
    EXPECT_EQ(*agreement_state_from(name_of(state)), state);
    names.insert(name_of(state));
  }
  EXPECT_EQ(names.size(), all_agreement_states().size());
}

TEST(States, RefuseNamesThatAreNone) {
  const auto refused = agreement_state_from("sleeping");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("in-breach"), std::string::npos);
  EXPECT_FALSE(machine_state_from("Leased"));
  EXPECT_FALSE(machine_state_from(""));
}

TEST(States, SayWhatWouldBeLawful) {
  EXPECT_EQ(next(MachineState::Enrolled, MachineEvent::Suspend).error().message,
            "a machine in state 'enrolled' cannot take 'suspend'; lawful: start-lease, decline");
  EXPECT_NE(next(AgreementState::Released, AgreementEvent::Accept).error().message.find("last state"), std::string::npos);
}

}  // namespace
}  // namespace policies::terms
