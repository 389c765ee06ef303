#ifndef SIREN_ENGINE_SIRENCL_H
#define SIREN_ENGINE_SIRENCL_H
#include "host/base.h"
#endif
