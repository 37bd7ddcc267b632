// links: agent_link agent_contract
#include <cstdint>
#include <string_view>

#include "agent/contract/messages.pb.h"
#include "agent/link/session.h"

// What decodes must go through a session and encode again to what decodes to the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace agent::link;
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  (void)decode_state(input);
  const auto frame = decode_frame(input);
  if (!frame) return 0;
  const auto again = decode_frame(encode_frame(*frame));
  policies::vocabulary::invariant(again.has_value() && again->SerializeAsString() == frame->SerializeAsString(), "a frame changed on its way");
  Session controller(Session::End::Controller, {}, {});
  if (const auto taken = controller.take(*frame)) {
    policies::vocabulary::invariant(taken->size() == static_cast<std::size_t>(frame->messages_size()), "a first frame is taken whole");
    const auto twice = controller.take(*frame);
    policies::vocabulary::invariant(twice.has_value() && twice->empty(), "a frame was handled twice");
  }
  return 0;
}
