/** The case that looks for the error of the codec inside, which may show the value and is therefore left out by `encrypted`. */
export const OF_THE_INNER_ERROR = 'what the codec throws is the cause'
