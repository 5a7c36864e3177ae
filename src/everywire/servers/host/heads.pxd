# compiled as it is: no types are needed, only speed
