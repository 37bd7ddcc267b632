#include "policies/terms/states.h"

#include <array>
#include <string>

namespace policies::terms {
namespace {

using M = MachineState;
using ME = MachineEvent;
using A = AgreementState;
using AE = AgreementEvent;

constexpr std::array machine_table = {
    MachineStep{M::Ordered, ME::Provision, M::Provisioned},
    MachineStep{M::Ordered, ME::Decline, M::Declined},
    MachineStep{M::Provisioned, ME::Enrol, M::Enrolled},
    MachineStep{M::Provisioned, ME::Decline, M::Declined},
    MachineStep{M::Enrolled, ME::StartLease, M::Leased},
    MachineStep{M::Enrolled, ME::Decline, M::Declined},
    MachineStep{M::Leased, ME::Suspend, M::Suspended},
    MachineStep{M::Leased, ME::StartRelease, M::Releasing},
    MachineStep{M::Suspended, ME::Resume, M::Leased},
    MachineStep{M::Suspended, ME::StartRelease, M::Releasing},
    MachineStep{M::Declined, ME::StartRelease, M::Releasing},
    MachineStep{M::Releasing, ME::FinishRelease, M::Released},
};

constexpr std::array agreement_table = {
    AgreementStep{A::Offered, AE::Accept, A::Accepted},
    AgreementStep{A::Offered, AE::Decline, A::Declined},
    AgreementStep{A::Offered, AE::Lapse, A::Lapsed},
    AgreementStep{A::Accepted, AE::Activate, A::Active},
    AgreementStep{A::Accepted, AE::Terminate, A::Terminated},
    AgreementStep{A::Active, AE::FindBreach, A::InBreach},
    AgreementStep{A::Active, AE::NearEnd, A::Ending},
    AgreementStep{A::Active, AE::Terminate, A::Terminated},
    AgreementStep{A::InBreach, AE::CureBreach, A::Active},
    AgreementStep{A::InBreach, AE::Discontinue, A::Discontinued},
    AgreementStep{A::InBreach, AE::Terminate, A::Terminated},
    AgreementStep{A::Ending, AE::Renew, A::Renewed},
    AgreementStep{A::Ending, AE::End, A::Ended},
    AgreementStep{A::Ending, AE::Terminate, A::Terminated},
    AgreementStep{A::Ended, AE::StartRelease, A::Releasing},
    AgreementStep{A::Declined, AE::StartRelease, A::Releasing},
    AgreementStep{A::Discontinued, AE::StartRelease, A::Releasing},
    AgreementStep{A::Terminated, AE::StartRelease, A::Releasing},
    AgreementStep{A::Releasing, AE::FinishRelease, A::Released},
};

template <typename T>
struct Named {
  T value;
  std::string_view name;
};

constexpr std::array machine_states = {
    Named<M>{M::Ordered, "ordered"},     Named<M>{M::Provisioned, "provisioned"}, Named<M>{M::Enrolled, "enrolled"},
    Named<M>{M::Leased, "leased"},       Named<M>{M::Suspended, "suspended"},     Named<M>{M::Declined, "declined"},
    Named<M>{M::Releasing, "releasing"}, Named<M>{M::Released, "released"}};

constexpr std::array machine_events = {
    Named<ME>{ME::Provision, "provision"},        Named<ME>{ME::Enrol, "enrol"},
    Named<ME>{ME::StartLease, "start-lease"},     Named<ME>{ME::Suspend, "suspend"},
    Named<ME>{ME::Resume, "resume"},              Named<ME>{ME::Decline, "decline"},
    Named<ME>{ME::StartRelease, "start-release"}, Named<ME>{ME::FinishRelease, "finish-release"}};

constexpr std::array agreement_states = {
    Named<A>{A::Offered, "offered"},       Named<A>{A::Accepted, "accepted"},
    Named<A>{A::Active, "active"},         Named<A>{A::InBreach, "in-breach"},
    Named<A>{A::Ending, "ending"},         Named<A>{A::Renewed, "renewed"},
    Named<A>{A::Ended, "ended"},           Named<A>{A::Declined, "declined"},
    Named<A>{A::Lapsed, "lapsed"},         Named<A>{A::Discontinued, "discontinued"},
    Named<A>{A::Terminated, "terminated"}, Named<A>{A::Releasing, "releasing"},
    Named<A>{A::Released, "released"}};

constexpr std::array agreement_events = {
    Named<AE>{AE::Accept, "accept"},           Named<AE>{AE::Decline, "decline"},
    Named<AE>{AE::Lapse, "lapse"},             Named<AE>{AE::Activate, "activate"},
    Named<AE>{AE::FindBreach, "find-breach"},  Named<AE>{AE::CureBreach, "cure-breach"},
    Named<AE>{AE::Discontinue, "discontinue"}, Named<AE>{AE::NearEnd, "near-end"},
    Named<AE>{AE::Renew, "renew"},             Named<AE>{AE::End, "end"},
    Named<AE>{AE::Terminate, "terminate"},     Named<AE>{AE::StartRelease, "start-release"},
    Named<AE>{AE::FinishRelease, "finish-release"}};

template <typename T, std::size_t N>
constexpr std::array<T, N> values_of(const std::array<Named<T>, N>& named) {
  std::array<T, N> values{};
  for (std::size_t i = 0; i < N; ++i) values[i] = named[i].value;
  return values;
}

constexpr auto machine_state_values = values_of(machine_states);
constexpr auto machine_event_values = values_of(machine_events);
constexpr auto agreement_state_values = values_of(agreement_states);
constexpr auto agreement_event_values = values_of(agreement_events);

template <typename T, std::size_t N>
std::string_view name_in(const std::array<Named<T>, N>& named, T value) {
  for (const Named<T>& one : named)
    if (one.value == value) return one.name;
  invariant(false, "a state or event has no name");
  return {};
}

template <typename T, std::size_t N>
Result<T> value_in(const std::array<Named<T>, N>& named, std::string_view name, std::string_view what) {
  std::string allowed;
  for (const Named<T>& one : named) {
    if (one.name == name) return one.value;
    allowed += (allowed.empty() ? "" : ", ") + std::string(one.name);
  }
  return Error{ErrorCode::InvalidInput, "'" + std::string(name) + "' is not a state of " + std::string(what) + " (" + allowed + ")", {}};
}

template <typename State, typename Event, typename Steps>
Result<State> step(const Steps& steps, State state, Event event, std::string_view what) {
  std::string lawful;
  for (const auto& one : steps) {
    if (one.from != state) continue;
    if (one.event == event) return one.to;
    lawful += (lawful.empty() ? "" : ", ") + std::string(name_of(one.event));
  }
  return Error{ErrorCode::Conflict,
               std::string(what) + " in state '" + std::string(name_of(state)) + "' cannot take '" + std::string(name_of(event)) +
                   "'; lawful: " + (lawful.empty() ? "nothing, it is a last state" : lawful),
               {}};
}

}  // namespace

std::span<const MachineStep> machine_steps() { return machine_table; }
std::span<const AgreementStep> agreement_steps() { return agreement_table; }

Result<MachineState> next(MachineState state, MachineEvent event) { return step(machine_table, state, event, "a machine"); }
Result<AgreementState> next(AgreementState state, AgreementEvent event) {
  return step(agreement_table, state, event, "an agreement");
}

std::span<const MachineState> all_machine_states() { return machine_state_values; }
std::span<const MachineEvent> all_machine_events() { return machine_event_values; }
std::span<const AgreementState> all_agreement_states() { return agreement_state_values; }
std::span<const AgreementEvent> all_agreement_events() { return agreement_event_values; }

std::string_view name_of(MachineState state) { return name_in(machine_states, state); }
std::string_view name_of(MachineEvent event) { return name_in(machine_events, event); }
std::string_view name_of(AgreementState state) { return name_in(agreement_states, state); }
std::string_view name_of(AgreementEvent event) { return name_in(agreement_events, event); }

Result<MachineState> machine_state_from(std::string_view name) { return value_in(machine_states, name, "a machine"); }
Result<AgreementState> agreement_state_from(std::string_view name) { return value_in(agreement_states, name, "an agreement"); }

}  // namespace policies::terms
