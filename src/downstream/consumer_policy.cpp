#include "downstream/consumer_policy.h"

#include "downstream/delivery_filter.h"

namespace evergate::downstream {

std::uint32_t consumer_policy::filter_version() const noexcept {
  const auto decided = decisions->delivery_version();
  if (filter.hash() == 0 && intents == proto::intent::all && decided == 0) return rules_version;
  // The highest bit keeps it apart from the bare versions of the rules.
  std::uint32_t out = filter.hash();
  for (const auto word : {rules_version, intents, decided}) {
    out = (out ^ word) * 0x9e37'79b1;
    out ^= out >> 15;
  }
  return out | 0x8000'0000;
}

const policy_ptr& consumer_policy::plain() {
  static const policy_ptr out = std::make_shared<const consumer_policy>();
  return out;
}

policy_ptr consumer_policies::of(std::string_view name) const {
  if (const auto found = named.find(name); found != named.end()) return found->second;
  return unlisted || name == "main" ? fallback : nullptr;
}

}  // namespace evergate::downstream
