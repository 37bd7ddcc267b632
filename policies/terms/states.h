// The life of a machine and of an agreement: every state, every event, and the only lawful steps between them.
#pragma once

#include <span>
#include <string_view>

#include "policies/vocabulary/result.h"

namespace policies::terms {
using namespace policies::vocabulary;

enum class MachineState {
  Ordered,      // an order exists
  Provisioned,  // the factory's receipt exists
  Enrolled,     // proved its key against its voucher; nothing is leased yet
  Leased,       // furnishes what the agreement says
  Suspended,    // furnishes nothing for now (breach, pause by operator); its shards stay
  Declined,     // its customer said no; furnishes nothing, ever
  Releasing,    // being emptied and reconfigured
  Released,     // all space is the customer's; the receipt exists. Last state.
};

enum class MachineEvent { Provision, Enrol, StartLease, Suspend, Resume, Decline, StartRelease, FinishRelease };

enum class AgreementState {
  Offered,       // the customer has been shown it, or will be at first boot; no answer yet means no consent
  Accepted,      // signed by the customer; the machine has not begun
  Active,        // in force
  InBreach,      // a breach was found; grace days are running
  Ending,        // the end is near; a renewal is on offer
  Renewed,       // another agreement follows. Last state.
  Ended,         // the term is over and was not renewed
  Declined,      // the customer said no to the offer
  Lapsed,        // the offer ran out without an answer. Last state.
  Discontinued,  // a breach was not cured in time
  Terminated,    // notice was given by either side
  Releasing,     // its machines are being emptied and reconfigured
  Released,      // done. Last state.
};

enum class AgreementEvent {
  Accept,
  Decline,
  Lapse,         // the offer's time is over
  Activate,
  FindBreach,
  CureBreach,
  Discontinue,   // grace is over
  NearEnd,       // renewal lead has begun
  Renew,
  End,           // the term is over
  Terminate,     // notice, by either side
  StartRelease,
  FinishRelease,
};

struct MachineStep {
  MachineState from;
  MachineEvent event;
  MachineState to;
};
struct AgreementStep {
  AgreementState from;
  AgreementEvent event;
  AgreementState to;
};

// All lawful steps; what is not listed is refused.
std::span<const MachineStep> machine_steps();
std::span<const AgreementStep> agreement_steps();

// Conflict, naming the state, the event and what would be lawful, when there is no such step.
Result<MachineState> next(MachineState state, MachineEvent event);
Result<AgreementState> next(AgreementState state, AgreementEvent event);

std::span<const MachineState> all_machine_states();
std::span<const MachineEvent> all_machine_events();
std::span<const AgreementState> all_agreement_states();
std::span<const AgreementEvent> all_agreement_events();

// "in-breach", "start-lease": stable texts for stores, messages and people.
std::string_view name_of(MachineState state);
std::string_view name_of(MachineEvent event);
std::string_view name_of(AgreementState state);
std::string_view name_of(AgreementEvent event);
// The same texts back; InvalidInput with the allowed ones otherwise.
Result<MachineState> machine_state_from(std::string_view name);
Result<AgreementState> agreement_state_from(std::string_view name);

}  // namespace policies::terms
