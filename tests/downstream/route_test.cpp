#include "downstream/route.h"

#include <gtest/gtest.h>

namespace evergate::downstream {
namespace {

TEST(RouteTest, Table) {
  struct one {
    const char* target;
    route::kind what;
    const char* consumer;
    const char* rest;
  };
  const one table[] = {
      {"/api/v10/gateway/bot", route::kind::gateway_bot, "main", "/v10/gateway/bot"},
      {"/api/v9/gateway/bot", route::kind::gateway_bot, "main", "/v9/gateway/bot"},
      {"/api/v10/gateway", route::kind::gateway, "main", "/v10/gateway"},
      {"/api/gateway/bot?x=1", route::kind::gateway_bot, "main", "/gateway/bot?x=1"},
      {"/v10/gateway/bot", route::kind::gateway_bot, "main", "/v10/gateway/bot"},
      {"/c/staging/api/v10/gateway/bot", route::kind::gateway_bot, "staging", "/v10/gateway/bot"},
      {"/api/v10/channels/1/messages?limit=5", route::kind::rest, "main", "/v10/channels/1/messages?limit=5"},
      {"/v9/users/@me", route::kind::rest, "main", "/v9/users/@me"},
      {"/c/b_2/api/v10/users/@me", route::kind::rest, "b_2", "/v10/users/@me"},
      {"/health", route::kind::health, "main", ""},
      {"/ack", route::kind::ack, "main", ""},
      {"/", route::kind::unknown, "main", ""},
      {"/?v=10&encoding=json", route::kind::unknown, "main", ""},
      {"/c/staging", route::kind::unknown, "staging", ""},
      {"/c/staging?v=10", route::kind::unknown, "staging", ""},
      {"/c/staging/?v=10", route::kind::unknown, "staging", ""},
      {"/c/", route::kind::bad_consumer, "main", ""},
      {"/c/Upper/", route::kind::bad_consumer, "main", ""},
      {"/c/../x", route::kind::bad_consumer, "main", ""},
      {"/c/%2e/", route::kind::bad_consumer, "main", ""},
      {"/c/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/", route::kind::bad_consumer, "main", ""},
      {"/apiv10/x", route::kind::unknown, "main", ""},
      {"", route::kind::unknown, "main", ""},
  };
  for (const auto& [target, what, consumer, rest] : table) {
    const auto got = route_of(target);
    EXPECT_EQ(got.what, what) << target;
    EXPECT_EQ(got.consumer, consumer) << target;
    EXPECT_EQ(got.rest, rest) << target;
  }
  EXPECT_EQ(route_of("/c/staging/api/v10/gateway").prefix, "/c/staging");
}

}  // namespace
}  // namespace evergate::downstream
